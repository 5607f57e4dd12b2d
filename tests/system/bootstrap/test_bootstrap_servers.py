"""Bootstrapped servers start as users of the official images expect, say that they are ready, and answer."""

from __future__ import annotations

import pytest

import dockerkit
from dockerkit.client.client import Client

pytestmark = pytest.mark.system


def test_redis_answers(dk: Client) -> None:
    dk.images.bootstrap("redis")
    with dk.start("redis", network="none", ready=dockerkit.ready.log("Ready to accept connections")) as box:
        assert box.exec("redis-cli", "set", "a", "1", check=True).stdout == "OK\n"
        assert box.exec("redis-cli", "config", "get", "protected-mode", check=True).stdout.split()[-1] == "no"
        assert box.exec("stat", "-c", "%U %u", "/proc/1", check=True).stdout == "redis 999\n"
    config = dk.images.get("redis").inspect()["Config"]
    assert (config["ExposedPorts"], config["WorkingDir"]) == ({"6379/tcp": {}}, "/data")


def test_redis_takes_options_and_a_password(dk: Client) -> None:
    dk.images.bootstrap("redis")
    with dk.start("redis", "--requirepass", "secret", network="none", ready=dockerkit.ready.log("Ready to accept")) as box:
        assert "NOAUTH" in box.exec("redis-cli", "ping").stdout
        assert box.exec("redis-cli", "--no-auth-warning", "-a", "secret", "ping").stdout == "PONG\n"
    assert dk.run("redis", "redis-server", "--version", network="none", check=True).stdout.startswith("Redis server v=")


def test_postgres_makes_its_database_and_answers(dk: Client) -> None:
    dk.images.bootstrap("postgres")
    env = {"POSTGRES_PASSWORD": "it's a secret", "POSTGRES_USER": "me", "POSTGRES_DB": "shop"}
    done = dockerkit.ready.log("database system is ready to accept connections", count=2)
    with dk.start("postgres", env=env, network="none", ready=done) as box:
        ask = ("psql", "-h", "127.0.0.1", "-U", "me", "-d", "shop", "-Atc")
        answer = box.exec(
            *ask, "select current_user, current_database(), current_setting('jit')", env={"PGPASSWORD": "it's a secret"}
        )
        assert answer.stdout == "me|shop|off\n"
        # as in the official image: its own machine is trusted, all others are asked
        rules = box.exec("sh", "-c", "grep -v '^#' $PGDATA/pg_hba.conf", check=True).stdout.split("\n")
        assert "host all all all scram-sha-256" in rules
        assert box.exec(*ask, "show listen_addresses", env={"PGPASSWORD": "it's a secret"}).stdout == "*\n"
        assert box.exec("stat", "-c", "%U %u", "/proc/1", check=True).stdout == "postgres 999\n"


def test_postgres_without_a_password_says_what_to_set(dk: Client) -> None:
    dk.images.bootstrap("postgres")
    done = dk.run("postgres", network="none")
    assert done.exit_code == 1
    assert "POSTGRES_PASSWORD" in done.stderr


def test_postgres_runs_what_lies_in_its_directory(dk: Client) -> None:
    dk.images.bootstrap("postgres")
    script = "create table found (n int); insert into found values (7);"
    box = dk.container("postgres", env={"POSTGRES_HOST_AUTH_METHOD": "trust"}, network="none").create()
    box.files["/docker-entrypoint-initdb.d/1.sql"] = script
    box.start()
    box.wait_for(dockerkit.ready.log("database system is ready to accept connections", count=2))
    assert box.exec("psql", "-U", "postgres", "-Atc", "select n from found", check=True).stdout == "7\n"


def test_nginx_serves_its_page_and_logs_it(dk: Client) -> None:
    dk.images.bootstrap("nginx")
    get = 'exec 3<>/dev/tcp/127.0.0.1/80; printf "GET / HTTP/1.0\\r\\n\\r\\n" >&3; cat <&3'
    with dk.start("nginx", network="none", ready=dockerkit.ready.port(80)) as box:
        page = box.exec("bash", "-c", get, check=True).stdout
        assert page.startswith("HTTP/1.1 200 OK")
        assert "Welcome to nginx" in page
        box.wait_for(dockerkit.ready.log('"GET / HTTP/1.0" 200'))
        box.stop(timeout=20)
        assert box.exit_code == 0


def test_memcached_answers(dk: Client) -> None:
    dk.images.bootstrap("memcached")
    ask = 'exec 3<>/dev/tcp/127.0.0.1/11211; printf "set a 0 0 2\\r\\n42\\r\\nget a\\r\\nquit\\r\\n" >&3; cat <&3'
    with dk.start("memcached", network="none", ready=dockerkit.ready.port(11211)) as box:
        assert box.exec("bash", "-c", ask, check=True).stdout == "STORED\r\nVALUE a 0 2\r\n42\r\nEND\r\n"
        assert box.exec("stat", "-c", "%U", "/proc/1", check=True).stdout == "memcache\n"


def test_python_runs_by_both_names_with_pip(dk: Client) -> None:
    image = dk.images.bootstrap("python:3")
    script = "import ssl, sqlite3, ctypes, lzma, sys; print(sys.version_info[0])"
    assert [dk.run(image.id, name, "-c", script, network="none", check=True).stdout for name in ("python", "python3")] == [
        "3\n",
        "3\n",
    ]
    assert dk.run(image.id, "pip", "--version", network="none", check=True).stdout.startswith("pip ")
    assert dk.run(image.id, "python", "-m", "venv", "/tmp/v", network="none").exit_code == 0


@pytest.mark.parametrize("name", ["redis:1", "python:2.7", "postgres:8"])
def test_another_version_is_refused_with_what_there_is(dk: Client, name: str) -> None:
    program = name.partition(":")[0]
    with pytest.raises(dockerkit.errors.Unsupported, match=f"{name} cannot be made here: .* has {program}") as caught:
        dk.images.bootstrap(name)
    assert f"{program}:" in caught.value.hint
