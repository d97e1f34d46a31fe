"use strict";
const elements = [...document.querySelectorAll("[data-figure]")];
const source = (element) => JSON.parse(document.getElementById(element.dataset.figure).textContent);
// A finger that drags scrolls the page; only a mouse draws a frame to enlarge.
const mouse = matchMedia("(pointer: fine)").matches;

function coloured(value, style) {
  if (typeof value === "string") {
    const variable = /^var\((--[\w-]+)\)$/.exec(value);
    return variable ? style.getPropertyValue(variable[1]).trim() : value;
  }
  if (Array.isArray(value)) return value.map((each) => coloured(each, style));
  if (value && typeof value === "object") {
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, coloured(each, style)]));
  }
  return value;
}

function draw(element) {
  const { data, layout } = coloured(source(element), getComputedStyle(document.documentElement));
  if (element.dataset.figure === "matrix") Object.assign(layout, viewOfMatrix(layout), { dragmode: mouse ? "zoom" : false });
  else Object.assign(layout, { height: layout.height ?? 340, dragmode: mouse && (layout.dragmode ?? false) });
  Plotly.react(element, data, layout, { responsive: element.dataset.figure !== "matrix", displayModeBar: false });
}

// The size and the part of the matrix that the pressed button asks for.
function viewOfMatrix(layout) {
  const { confused, all, cell, label } = layout.meta;
  const pressed = document.querySelector(".choice [aria-pressed=true]");
  const shown = pressed && pressed.dataset.view === "confused" ? confused : all;
  const side = Math.max(cell, Math.min(44, 160 / shown)) * shown;
  const range = [-0.5, shown - 0.5];
  return {
    width: label + side + 12,
    height: label + side + 12,
    margin: { l: label, t: label, r: 12, b: 12 },
    xaxis: { ...layout.xaxis, range, automargin: false },
    yaxis: { ...layout.yaxis, range: [...range].reverse(), automargin: false },
  };
}

for (const button of document.querySelectorAll(".choice button")) {
  button.addEventListener("click", () => {
    for (const other of document.querySelectorAll(".choice button")) {
      other.setAttribute("aria-pressed", String(other === button));
    }
    draw(document.querySelector("[data-figure=matrix]"));
  });
}

function sortBy(heading) {
  const body = heading.closest("table").tBodies[0];
  const ascending = heading.getAttribute("aria-sort") !== "ascending";
  for (const other of heading.parentNode.children) other.removeAttribute("aria-sort");
  heading.setAttribute("aria-sort", ascending ? "ascending" : "descending");
  const key = (row) => row.cells[heading.cellIndex].textContent.trim();
  const number = (row) => (heading.classList.contains("number") ? parseFloat(key(row)) : NaN);
  const without = (row) => Number(heading.classList.contains("number") && Number.isNaN(number(row)));
  const order = (a, b) => number(a) - number(b) || key(a).localeCompare(key(b));
  const rows = [...body.rows].sort((a, b) => without(a) - without(b) || (ascending ? order(a, b) : order(b, a)));
  body.append(...rows);
}

for (const heading of document.querySelectorAll(".sortable th")) {
  heading.tabIndex = 0;
  heading.addEventListener("click", () => sortBy(heading));
  heading.addEventListener("keydown", (event) => event.key === "Enter" && sortBy(heading));
}

elements.forEach(draw);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => elements.forEach(draw));
