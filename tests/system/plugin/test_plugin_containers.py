"""Containers as fixtures, used as the public page says, on a live daemon."""

from __future__ import annotations

import pytest

from tests.unit.plugin.suites import Suite

pytest_plugins = ["pytester"]
pytestmark = [pytest.mark.system, pytest.mark.usefixtures("leaves_nothing")]


def test_a_session_of_fixtures(suite: Suite) -> None:
    suite.write(
        """
        import dockerkit as dk
        from pytest_dockerkit import container, image

        base = image("busybox")
        redis = container("busybox", "sh", "-c", "echo Ready to accept; exec sleep 1000",
                          ready=dk.ready.log("Ready to accept"), scope="session")
        app = container("{base.id}", "sh", "-c", "echo $REDIS ${MODE} $ID; exec sleep 1000",
                        env={"REDIS": "{redis.short_id}:6379", "MODE": "{{x}",
                             "ID": lambda redis, request: request.fixturename},
                        ready=lambda box: "6379" in box.logs())
        pg = container("busybox", "sleep", "{param}", params=["15", "16"])
        wish = container(dk.container("busybox").command("sleep", "1000").env(A="{redis}"), env={"B": "1"})
        """,
        """
        from pytest_dockerkit import container

        seen = []

        def test_ping(redis):
            assert redis.exec("echo", "PONG").stdout == "PONG\\n"
            seen.append(redis.id)

        def test_app(app, redis):
            assert app.logs() == f"{redis.short_id}:6379 {{x}} app\\n"
            assert redis.id == seen[0]

        def test_params(pg, request):
            assert pg.inspect()["Args"] == [request.node.callspec.params["pg"]]

        def test_wish(wish):
            assert {"A={redis}", "B=1"} <= set(wish.inspect()["Config"]["Env"])

        def test_free(dk_client, dk_container):
            box = dk_container("busybox", "sleep", "1000", env={"A": "{x}"})
            assert box.status == "running" and "A={x}" in box.inspect()["Config"]["Env"]
            assert box.id in dk_client.containers
            seen.append(box.id)

        def test_freed(dk_client):
            assert seen[1] not in dk_client.containers

        class TestInside:
            box = container("busybox", "sh", "-c", "echo {redis.id}; sleep 1000", scope="class", wrapper=lambda c: [c])

            def test_first(self, box, redis):
                assert box[0].status == "running"
                seen.append(box[0].id)

            def test_same(self, box):
                assert box[0].id == seen[-1]
        """,
    )
    suite.run().assert_outcomes(passed=9)


def test_a_removed_container_and_a_wrapper_that_fails_leave_nothing(suite: Suite) -> None:
    suite.write(
        """
        from pytest_dockerkit import container
        box = container("busybox", "sleep", "1000")
        wrapped = container("busybox", "sleep", "1000", wrapper=lambda box: 1 / 0)
        """,
        """
        def test_removed(box): box.remove(force=True)
        def test_wrapped(wrapped): pass
        """,
    )
    suite.run().assert_outcomes(passed=1, errors=1)


def test_what_is_not_offered_says_so_when_it_is_used(suite: Suite) -> None:
    suite.write(
        """
        from pytest_dockerkit import compose, container, image
        stack = compose()
        built = image(path=".")
        saved = container("busybox", "true", snapshot=True)
        """,
        "\n".join(f"def test_{name}({name}): pass" for name in ("stack", "built", "saved")),
    )
    result = suite.run()
    result.assert_outcomes(errors=3)
    result.stdout.fnmatch_lines_random(
        [
            "E   *Unsupported: compose('compose.yaml') is not offered yet",
            "E   *Unsupported: build() is not offered yet",
            "E   *Unsupported: container(snapshot=True) is not offered yet",
        ]
    )


def test_images_come_from_where_the_conftest_says(suite: Suite) -> None:
    suite.write(
        """
        import pathlib
        import dockerkit as dk
        import pytest
        from pytest_dockerkit import container, image
        here = image("busybox")
        made = image(bootstrap="host", programs=["true"], doc="Programs of this machine.")
        @pytest.fixture(scope="session")
        def written(here, tmp_path_factory):
            path = tmp_path_factory.mktemp("images") / "one.tar"
            here.tag("written:1").save(path)
            return path
        loaded = image(archive="{written}")
        box = container("{loaded.id}", "sleep", "1000")
        """,
        """
        def test_made(made): assert "host:latest" in made.tags
        def test_loaded(loaded, here): assert (loaded.reference, loaded.id) == ("written:1", here.id)
        def test_used(box, here, dk_client):
            assert box.inspect()["Image"] == here.id
            dk_client.images.get("written:1").remove()
        """,
    )
    suite.run().assert_outcomes(passed=3)


def test_ctrl_c_leaves_nothing(suite: Suite) -> None:
    suite.write(
        "from pytest_dockerkit import container\nbox = container('busybox', 'sleep', '1000', scope='session')",
        """
        import os, signal

        def test(box, dk_container):
            dk_container("busybox", "sleep", "1000")
            os.kill(os.getpid(), signal.SIGINT)
        """,
    )
    assert suite.run().ret == pytest.ExitCode.INTERRUPTED
