"""Real database servers, each with a folder of its own, which are gone after the tests."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import pytest
import sqlalchemy
from ports import free_port

PASSWORD = "a-word-that-nobody-guesses"
_STARTS_WITHIN = 60


@dataclass
class DatabaseServer:
    """A server on this machine, to which `tester` comes by a password.

    Attributes:
        scheme: Of its URLs.
        command: That runs it.
        port: Where it listens.
        user: Of the system, as whom it runs; None: as who runs the tests.
        maintenance: A database that is always there.
    """

    scheme: str
    command: list[str]
    port: int
    user: str | None
    maintenance: str
    _process: subprocess.Popen[bytes] | None = None
    _numbers: Iterator[int] = field(default_factory=count)

    def url(self, name: str, password: str = PASSWORD) -> str:
        return f"{self.scheme}://tester:{password}@127.0.0.1:{self.port}/{name}"

    def new_database(self) -> str:
        """The URL of an empty database."""
        name = f"test{next(self._numbers)}"
        with self._connection() as connection:
            connection.execute(sqlalchemy.text(f"CREATE DATABASE {name}"))
        return self.url(name)

    @contextmanager
    def _connection(self) -> Iterator[sqlalchemy.engine.Connection]:
        engine = sqlalchemy.create_engine(self.url(self.maintenance), isolation_level="AUTOCOMMIT")
        try:
            with engine.connect() as connection:
                yield connection
        finally:
            engine.dispose()

    def __enter__(self) -> DatabaseServer:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Starts it, and waits until it answers."""
        self._process = subprocess.Popen(
            self.command, user=self.user, cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        deadline = time.monotonic() + _STARTS_WITHIN
        while True:
            try:
                with self._connection():
                    return
            except sqlalchemy.exc.OperationalError:
                assert self._process.poll() is None, f"{self.command[0]} ended"
                assert time.monotonic() < deadline, f"{self.command[0]} does not answer"
                time.sleep(0.1)

    def stop(self) -> None:
        """Stops it, whoever is connected."""
        if self._process is not None:
            # PostgreSQL: at once, in order. MariaDB would wait for its clients.
            self._process.send_signal(signal.SIGINT if self.scheme == "postgresql" else signal.SIGKILL)
            self._process.wait(60)
            self._process = None


@contextmanager
def postgresql() -> Iterator[DatabaseServer]:
    """PostgreSQL, where it is installed; it does not run as root."""
    pytest.importorskip("psycopg2", reason="needs the extra 'postgresql'")
    initdb, postgres = _program("initdb"), _program("postgres")
    with _folder("postgres") as (folder, user):
        (folder / "password").write_text(PASSWORD)
        (folder / "password").chmod(0o644)
        data = str(folder / "data")
        _run([initdb, "-D", data, "-U", "tester", "-A", "scram-sha-256", f"--pwfile={folder}/password"], user)
        port = free_port()
        options = ("listen_addresses=127.0.0.1", "unix_socket_directories=", "fsync=off", f"port={port}")
        command = [postgres, "-D", data, *(word for option in options for word in ("-c", option))]
        with DatabaseServer("postgresql", command, port, user, "postgres") as server:
            yield server


@contextmanager
def mysql() -> Iterator[DatabaseServer]:
    """MariaDB, where it is installed."""
    pytest.importorskip("pymysql", reason="needs the extra 'mysql'")
    install, mariadbd = _program("mariadb-install-db"), _program("mariadbd")
    with _folder("mysql") as (folder, user):
        data, port = f"--datadir={folder}/data", free_port()
        _run([install, "--no-defaults", data, "--skip-test-db"], user)
        grant = f"CREATE USER tester@127.0.0.1 IDENTIFIED BY '{PASSWORD}'; GRANT ALL ON *.* TO tester@127.0.0.1;"
        (folder / "init.sql").write_text(grant.replace("; ", ";\n"))
        (folder / "init.sql").chmod(0o644)
        options = (f"--socket={folder}/socket", "--bind-address=127.0.0.1", f"--port={port}", "--skip-name-resolve")
        command = [mariadbd, "--no-defaults", data, *options, f"--init-file={folder}/init.sql"]
        with DatabaseServer("mysql+pymysql", command, port, user, "mysql") as server:
            yield server


@contextmanager
def _folder(user: str) -> Iterator[tuple[Path, str | None]]:
    """A folder for a server's files, and the user of the system who owns it."""
    folder = Path(tempfile.mkdtemp(dir="/tmp"))  # one of pytest's is root's alone
    known = {entry.pw_name for entry in pwd.getpwall()}
    runs_as = next(name for name in (user, "nobody") if name in known) if os.geteuid() == 0 else None
    try:
        if runs_as:
            shutil.chown(folder, runs_as)
        yield folder, runs_as
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _program(name: str) -> str:
    """A program of a server, which may be on no PATH but root's, or Debian's."""
    folders = [*sorted(map(str, Path("/usr/lib/postgresql").glob("*/bin")), reverse=True), "/usr/sbin"]
    found = shutil.which(name, path=os.pathsep.join([os.environ["PATH"], *folders]))
    return found or pytest.skip(f"needs {name}: apt-get install postgresql mariadb-server")


def _run(command: list[str], user: str | None) -> None:
    done = subprocess.run(command, user=user, cwd="/", capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
