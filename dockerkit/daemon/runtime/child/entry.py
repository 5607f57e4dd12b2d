"""The steps of a further process (Docker's exec), from clone3 to execve, in order, by name: the second list beside ``steps``.

::

    clone3 ─► keeper ─► session ─► oom score ─► cgroup ─► strangers ─► namespaces ─► terminal ─► user ─► directory
           ─► working directory ─► descriptors ─► keyring ─► limits ─► identity ─► exec

It was born into the container's pid namespace. What a birth does is done by a birth's own functions; see ``entering`` for the
rest.
"""

from __future__ import annotations

from dockerkit.daemon.runtime.child import entering, identity, program, surroundings, users
from dockerkit.daemon.runtime.child.steps import Step

STEPS = (
    Step("keeper", entering.follow_keeper),
    Step("session", surroundings.start_session),
    # needs a /proc that is surely the host's
    Step("oom score", surroundings.set_oom_score),
    # needs the host's cgroup trees; nothing of ours may be left uncharged, so it comes as early as it can
    Step("cgroup", entering.join_cgroup),
    # before the namespaces: from there on the container's processes could reach through what is open here
    Step("strangers", entering.close_strangers),
    Step("namespaces", entering.enter_namespaces),
    Step("terminal", entering.take_terminal),
    Step("user", users.resolve_user),
    Step("directory", entering.open_directory),
    # inside the new root, never before it (CVE-2024-21626)
    Step("working directory", program.enter_directory),
    Step("descriptors", program.arrange_descriptors),
    Step("keyring", surroundings.join_keyring),
    Step("limits", surroundings.set_limits),
    Step("identity", identity.become_user),
    Step("exec", program.execute),
)
NAMES = tuple(step.name for step in STEPS)
