import gzip
import io
import json
import re
import sys
import tarfile

import pytest

from rasa_bert_intent.data.massive import Entity, Row, locate_slots, read_locales
from rasa_bert_intent.errors import DataError


def record(number, **changes):
    values = {
        "id": str(number),
        "locale": "en-US",
        "partition": "train",
        "scenario": "tea",
        "intent": "tea_brew",
        "utt": "brew a cup of oolong",
        "annot_utt": "brew a cup of [tea_type : oolong]",
    }
    return {**values, **changes}


def json_lines(records):
    return "".join(json.dumps(each) + "\n" for each in records).encode()


def write(path, records):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(json_lines(records))
    return path


def tar_gz(path, members):
    with tarfile.open(path, "w:gz") as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def read(source, locales=None, **options):
    return {locale: list(rows) for locale, rows in read_locales(source, locales, **options)}


def two_locales(prefix="1.1/data/"):
    return {
        f"{prefix}en-US.jsonl": json_lines([record(1), record(2, partition="dev")]),
        f"{prefix}nl-NL.jsonl": json_lines(
            [record(1, locale="nl-NL", utt="zet thee", annot_utt="zet [tea_type : thee]")]
        ),
    }


class TestRelease:
    def test_row_holds_what_the_line_holds(self, tmp_path):
        path = write(tmp_path / "en-US.jsonl", [record(7, worker_id="1", judgments=[{"intent_score": 1}])])
        assert read(path) == {
            "en-US": [
                Row(
                    id="7",
                    locale="en-US",
                    split="train",
                    scenario="tea",
                    intent="tea_brew",
                    text="brew a cup of oolong",
                    entities=(Entity(14, 20, "tea_type"),),
                    place=f"{path}, line 1",
                )
            ]
        }

    @pytest.mark.parametrize("place", ["", "data", "1.1/data"])
    def test_folder_forms(self, tmp_path, place):
        write(tmp_path / place / "en-US.jsonl", [record(1)])
        write(tmp_path / place / "nl-NL.jsonl", [record(1, locale="nl-NL")])
        (tmp_path / place / "notes.jsonl").write_text("not a locale")
        assert sorted(read(tmp_path)) == ["en-US", "nl-NL"]
        assert list(read(tmp_path, ["nl-NL"])) == ["nl-NL"]

    def test_archive_equals_its_folder(self, tmp_path):
        members = two_locales()
        for name, content in members.items():
            path = tmp_path / "folder" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        archive = tar_gz(tmp_path / "massive.tar.gz", {**members, "1.1/data/._en-US.jsonl": b"\0", "1.1/LICENSE": b"x"})
        from_archive, from_folder = read(archive), read(tmp_path / "folder")
        assert {locale: [row.text for row in rows] for locale, rows in from_archive.items()} == {
            locale: [row.text for row in rows] for locale, rows in from_folder.items()
        }
        assert from_archive["en-US"][1].place == f"{archive}: 1.1/data/en-US.jsonl, line 2"

    def test_archive_is_read_one_locale_at_a_time(self, tmp_path):
        members = two_locales()
        members["1.1/data/nl-NL.jsonl"] = b"not json\n"
        locales = read_locales(tar_gz(tmp_path / "massive.tar.gz", members))
        assert next(locales)[0] == "en-US"
        with pytest.raises(DataError, match=r"nl-NL.jsonl, line 1: not JSON"):
            list(next(locales)[1])

    def test_members_are_never_unpacked_to_disk(self, tmp_path):
        (tmp_path / "in" / "in").mkdir(parents=True)
        content = next(iter(two_locales().values()))
        archive = tar_gz(tmp_path / "in" / "in" / "massive.tar.gz", {"../../en-US.jsonl": content})
        assert len(read(archive)["en-US"]) == 2
        assert list(tmp_path.rglob("*.jsonl")) == []

    @pytest.mark.parametrize("kept", [0.3, 0.6, 0.9, 0.999])
    def test_truncated_archive_is_one_error(self, tmp_path, kept):
        rows = [record(number, utt=f"cup {number * 7919 % 10007}", annot_utt="") for number in range(3000)]
        whole = tar_gz(tmp_path / "massive.tar.gz", {"1.1/data/en-US.jsonl": json_lines(rows)}).read_bytes()
        (tmp_path / "cut.tar.gz").write_bytes(whole[: int(len(whole) * kept)])
        with pytest.raises(DataError, match=r"cut.tar.gz cannot be read, it may be truncated") as caught:
            read(tmp_path / "cut.tar.gz")
        assert "\n" not in str(caught.value)

    def test_archive_truncated_between_members_is_an_error(self, tmp_path):
        tar = io.BytesIO()
        with tarfile.open(fileobj=tar, mode="w") as archive:
            for name, content in two_locales().items():
                member = tarfile.TarInfo(name)
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
        # The first member with its padding, then a gzip stream that just stops.
        whole = gzip.compress(tar.getvalue()[:1024], compresslevel=0)
        (tmp_path / "cut.tar.gz").write_bytes(whole[:-8])
        with pytest.raises(DataError, match=r"cut.tar.gz cannot be read"):
            read(tmp_path / "cut.tar.gz")

    def test_archive_with_a_wrong_checksum_is_an_error(self, tmp_path):
        archive = tar_gz(tmp_path / "massive.tar.gz", two_locales())
        content = bytearray(archive.read_bytes())
        content[-8] ^= 1
        archive.write_bytes(content)
        with pytest.raises(DataError, match=r"massive.tar.gz cannot be read.*CRC"):
            read(archive)

    def test_archive_with_a_locale_twice_is_an_error(self, tmp_path):
        archive = tar_gz(tmp_path / "massive.tar.gz", {**two_locales("1.0/data/"), **two_locales("1.1/data/")})
        with pytest.raises(DataError, match=r"more than one en-US.jsonl"):
            read(archive)

    @pytest.mark.parametrize("form", ["folder", "archive", "file"])
    def test_unknown_locale_names_the_closest(self, tmp_path, form):
        source = tmp_path / "en-US.jsonl"
        write(source, [record(1)])
        if form == "folder":
            source = tmp_path
        elif form == "archive":
            source = tar_gz(tmp_path / "massive.tar.gz", two_locales())
        with pytest.raises(DataError, match=re.escape(f"{source} has no locale 'en-UK' (did you mean en-US?)")):
            read(source, ["en-UK"])

    def test_line_separator_inside_a_text_is_no_end_of_line(self, tmp_path):
        row = record(1, utt="brew\u2028tea\x85now", annot_utt="brew\u2028tea\x85now")
        path = tmp_path / "en-US.jsonl"
        path.write_bytes(b"\xef\xbb\xbf" + json.dumps(row, ensure_ascii=False).encode() + b"\r\n\r\n")
        assert [row.text for row in read(path)["en-US"]] == ["brew\u2028tea\x85now"]


class TestMalformed:
    @pytest.mark.parametrize(
        ("line", "message"),
        [
            (b"{", "not JSON in UTF-8"),
            (b"\xff\xfe", "not JSON in UTF-8"),
            (b"[1]", "expected a JSON object, found list"),
            (json_lines([{**record(1), "utt": 3}]), "'utt' must be a text, found 3"),
            (json_lines([{**record(1), "utt": None}]), "'utt' must be a text, found None"),
            (json_lines([{"id": "1", "locale": "en-US"}]), "'partition' is missing"),
            (json_lines([record(1, partition="exam")]), "'partition' is 'exam'; expected one of train, dev, test"),
            (json_lines([record(1, locale="nl-NL")]), "'locale' is 'nl-NL' in a file of 'en-US'"),
            (json_lines([record(1, intent="tea/brew")]), "'tea/brew' cannot be the name of an intent"),
            (json_lines([record(1, intent=" tea")]), "' tea' cannot be the name of an intent"),
        ],
    )
    def test_error_names_file_and_line(self, tmp_path, line, message):
        path = tmp_path / "en-US.jsonl"
        path.write_bytes(json_lines([record(number) for number in range(16)]) + line + b"\n")
        with pytest.raises(DataError, match=re.escape(f"{path}, line 17: {message}")) as caught:
            read(tmp_path)
        assert "\n" not in str(caught.value)

    def test_empty_file(self, tmp_path):
        (tmp_path / "en-US.jsonl").write_text("\n")
        with pytest.raises(DataError, match="holds no rows"):
            read(tmp_path / "en-US.jsonl")

    def test_empty_folder(self, tmp_path):
        with pytest.raises(DataError, match="holds neither"):
            read(tmp_path)

    def test_missing_source(self, tmp_path):
        with pytest.raises(DataError, match="does not exist"):
            read(tmp_path / "nowhere")

    def test_locale_that_would_lead_out_of_the_folder(self, tmp_path):
        with pytest.raises(DataError, match="expected a name like en-US"):
            read(write(tmp_path / "x.jsonl", [record(1, locale="../../etc")]))

    def test_some_other_file(self, tmp_path):
        (tmp_path / "massive.zip").write_bytes(b"PK" + bytes(2000))
        with pytest.raises(DataError, match=r"massive.zip cannot be read"):
            read(tmp_path / "massive.zip")


class TestHub:
    rows = ({"id": "1", "label": 1, "text": "brew tea"}, {"id": "2", "label": 0, "text": "grind it"})

    def test_names_in_the_rows(self, tmp_path):
        named = [{**row, "label_text": "tea_brew"} for row in self.rows]
        for stem in ("test", "train", "validation"):
            write(tmp_path / f"{stem}.jsonl", named)
        rows = read(tmp_path, ["en-US"])["en-US"]
        assert [(row.split, row.scenario, row.intent, row.text) for row in rows[::2]] == [
            ("train", "tea", "tea_brew", "brew tea"),
            ("dev", "tea", "tea_brew", "brew tea"),
            ("test", "tea", "tea_brew", "brew tea"),
        ]

    def test_numbers_take_their_names_from_the_file_beside_them(self, tmp_path):
        write(tmp_path / "train.jsonl", self.rows)
        (tmp_path / "hub_label_order.json").write_text('["coffee_grind", "tea_brew"]')
        assert [row.intent for row in read(tmp_path, ["en-US"])["en-US"]] == ["tea_brew", "coffee_grind"]

    def test_numbers_take_their_names_from_a_named_file(self, tmp_path):
        path = write(tmp_path / "train.jsonl", self.rows)
        (tmp_path / "hub_label_order.json").write_text('["wrong", "wrong"]')
        (tmp_path / "order.json").write_text('["coffee_grind", "tea_brew"]')
        rows = read(path, ["en-US"], labels=tmp_path / "order.json")["en-US"]
        assert [row.intent for row in rows] == ["tea_brew", "coffee_grind"]

    def test_numbers_without_names_are_an_error(self, tmp_path):
        with pytest.raises(DataError, match=r"no 'label_text'.*--labels"):
            read(write(tmp_path / "train.jsonl", self.rows), ["en-US"])

    @pytest.mark.parametrize("label", [2, -1, True, "1", None])
    def test_number_without_a_name_is_an_error(self, tmp_path, label):
        write(tmp_path / "train.jsonl", [{"id": "1", "label": label, "text": "brew"}])
        (tmp_path / "hub_label_order.json").write_text('["a", "b"]')
        with pytest.raises(DataError, match=r"train.jsonl, line 1: 'label' is .*; expected a number from 0 to 1"):
            read(tmp_path, ["en-US"])

    @pytest.mark.parametrize("order", ["{", "{}", "[]", "[1]"])
    def test_label_order_that_is_none(self, tmp_path, order):
        write(tmp_path / "train.jsonl", self.rows)
        (tmp_path / "hub_label_order.json").write_text(order)
        with pytest.raises(DataError, match=r"hub_label_order.json is not"):
            read(tmp_path, ["en-US"])

    @pytest.mark.parametrize("locales", [None, ["en-US", "nl-NL"]])
    def test_needs_one_locale(self, tmp_path, locales):
        write(tmp_path / "train.jsonl", self.rows)
        with pytest.raises(DataError, match="does not name its locale"):
            read(tmp_path, locales)

    def test_file_that_does_not_tell_its_split(self, tmp_path):
        with pytest.raises(DataError, match="does not tell its split"):
            read(write(tmp_path / "rows.jsonl", self.rows), ["en-US"])

    def test_parquet_equals_json_lines(self, tmp_path):
        pyarrow = pytest.importorskip("pyarrow")
        from pyarrow import parquet

        many = [{"id": str(n), "label": n % 2, "text": f"brew {n}", "label_text": "tea_brew"} for n in range(2500)]
        write(tmp_path / "json" / "train.jsonl", many)
        (tmp_path / "parquet").mkdir()
        for shard, part in enumerate((many[:1500], many[1500:])):
            path = tmp_path / "parquet" / f"train-0000{shard}-of-00002.parquet"
            parquet.write_table(pyarrow.Table.from_pylist(part), path)
        texts = [
            [(row.id, row.text, row.intent) for row in read(tmp_path / form, ["en-US"])["en-US"]]
            for form in ("json", "parquet")
        ]
        assert len(texts[0]) == 2500
        assert texts[0] == texts[1]

    def test_parquet_that_is_none(self, tmp_path):
        pytest.importorskip("pyarrow")
        (tmp_path / "train.parquet").write_bytes(b"PAR1 no")
        with pytest.raises(DataError, match=r"train.parquet cannot be read as parquet"):
            read(tmp_path, ["en-US"])

    def test_parquet_without_pyarrow_names_the_extra(self, tmp_path, monkeypatch):
        monkeypatch.setitem(sys.modules, "pyarrow", None)
        (tmp_path / "train.parquet").write_bytes(b"PAR1")
        with pytest.raises(DataError, match=re.escape("rasa-bert-intent[parquet]")):
            read(tmp_path, ["en-US"])

    def test_both_kinds_of_file_are_ambiguous(self, tmp_path):
        write(tmp_path / "train.jsonl", self.rows)
        (tmp_path / "train.parquet").write_bytes(b"PAR1")
        with pytest.raises(DataError, match=r"both .jsonl and .parquet"):
            read(tmp_path, ["en-US"])


class TestLocateSlots:
    @pytest.mark.parametrize(
        ("annotated", "text", "values", "unlocated"),
        [
            ("brew tea", "brew tea", [], ()),
            ("[a : brew] two [b : cups of tea]", "brew two cups of tea", [("brew", "a"), ("cups of tea", "b")], ()),
            ("[when : 明日] に [what : お茶] を", "明日にお茶を", [("明日", "when"), ("お茶", "what")], ()),
            ("set [when : 9:30 am]", "set 9:30 am", [("9:30 am", "when")], ()),
            ("press [ok] at [when : nine]", "press [ok] at nine", [("nine", "when")], ()),
            ("[a : tea] [b : tea]", "tea tea", [("tea", "a"), ("tea", "b")], ()),
            ("[what :   green  tea ]", "green tea", [("green tea", "what")], ()),
            ("brew [what : ]", "brew", [], ("what",)),
            ("Brew [what : tea]", "brew tea", [("tea", "what")], ()),
            ("Brew [what : coffee]", "brew tea", [], ("what",)),
            ("Brew [what : tea]", "brew tea and tea", [], ("what",)),
            ("X [a : tea pot] [b : pot]", "tea pot", [("tea pot", "a")], ("b",)),
        ],
    )
    def test_located_by_what_is_not_white_space(self, annotated, text, values, unlocated):
        entities, missing = locate_slots(annotated, text)
        assert [(text[entity.start : entity.end], entity.type) for entity in entities] == values
        assert missing == unlocated

    def test_equal_values_are_told_apart_by_their_place(self):
        assert [(e.start, e.type) for e in locate_slots("tea or [b : tea]", "tea or tea")[0]] == [(7, "b")]


class TestRealData:
    def test_every_slot_is_located_and_the_scenario_begins_the_intent(self, massive_dir):
        for path in sorted(massive_dir.glob("*.jsonl")):
            for rows in read(path).values():
                assert len(rows) == 16521
                assert not [row.place for row in rows if row.unlocated]
                assert not [row.place for row in rows if row.scenario != row.intent.split("_")[0]]

    def test_hub_form_agrees_with_the_release(self, massive_dir):
        if not (massive_dir / "hub").is_dir():
            pytest.skip(f"{massive_dir} has no hub form")
        release, hub = (
            {row.id: (row.split, row.scenario, row.intent, row.text) for row in rows}
            for source in (massive_dir / "en-US.jsonl", massive_dir / "hub")
            for rows in read(source, ["en-US"]).values()
        )
        assert release == hub
