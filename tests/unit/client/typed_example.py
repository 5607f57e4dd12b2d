"""What a type checker must see of the public names; checked by test_client_typing, never run."""

from typing import Any, assert_type

import dockerkit as dk

done = dk.run("busybox", "echo", "hi", env={"A": "1"}, memory="64m", check=True)
assert_type(done, dk.Completed)
assert_type(done.stdout, str)
assert_type(done.stdout_bytes, bytes)
assert_type(done.exit_code, int)
assert_type(done.check(), dk.Completed)

spec = dk.container("redis:7").env(MODE="test").publish(6379).memory("256m").ready(dk.ready.log("Ready") & dk.ready.port(6379))
assert_type(spec, dk.ContainerSpec)
assert_type(spec.run(input="x"), dk.Completed)
assert_type(spec.create(), dk.Container)

with dk.start("busybox", "sleep", "60", bind=("./src", "/src"), cap_drop="ALL", user=1000) as box:
    assert_type(box, dk.Container)
    assert_type(box.exit_code, int | None)
    assert_type(box.logs(tail=1), str)
    assert_type(box.wait(timeout="1m"), int)
    assert_type(box.exec("true", check=True), dk.Completed)
    assert_type(box.popen("cat"), dk.Process)
    assert_type(box.wait_for(dk.ready.port(1) | (lambda c: c.status == "running")), dk.Container)
    for line in box.logs(follow=True):
        assert_type(line, str)
    for measured in box.stats(stream=True):
        assert_type(measured.raw, dict[str, Any])
    assert_type(box.files["/x"], bytes)
    assert_type(box.commit("x:1"), dk.Image)
    assert_type(box.diff()[0].path, str)

rows = dk.containers.list(all=True, status="exited")
assert_type(rows, dk.Rows[dk.Container])
assert_type(rows[0], dk.Container)
assert_type(rows[:1], dk.Rows[dk.Container])
assert_type(dk.images["busybox"], dk.Image)
assert_type(dk.images.bootstrap("host", programs=["sh"]), dk.Image)

with dk.connect("unix:///run/docker.sock", timeout=5) as client:
    assert_type(client, dk.Client)
    assert_type(client.start("busybox").status, str)
    assert_type(client.ping(), bool)

for event in dk.events(type="container"):
    assert_type(event, dk.Event)
    assert_type(event.action, str)

try:
    dk.pull("nosuch:1")
except dk.errors.NotFound as error:
    assert_type(error.hint, str)

dk.run("busybox", "true", environment={})  # type: ignore[call-arg]
dk.run("busybox", "true", privileged="yes")  # type: ignore[arg-type]
