"""Reads configurations with the release that is installed here, and reports which of them it refuses.

Standard input: [{"case": id, "files": {name: text}, "processes": [[name, ...], ...]}]; `$DIR` in a text is its folder.
Standard output: {id: null, or the refusal as "Type: message"}. Each process reads its own files, as with `-c`.
"""

import contextlib
import io
import json
import os
import sys
import tempfile

from synapse.config.homeserver import HomeServerConfig


def refusal(folder, names):
    sink = io.StringIO()
    arguments = [word for name in names for word in ("-c", os.path.join(folder, name))]
    try:
        with contextlib.redirect_stdout(sink), contextlib.redirect_stderr(sink):
            HomeServerConfig.load_config("x", arguments)
    except SystemExit as error:
        return "exit %s: %s" % (error.code, sink.getvalue()[-300:])
    except BaseException as error:
        return "%s: %s" % (type(error).__name__, error)
    return None


answers = {}
for case in json.load(sys.stdin):
    with tempfile.TemporaryDirectory() as folder:
        os.mkdir(os.path.join(folder, "empty"))
        # Modules may be next to the configuration.
        sys.path.insert(0, folder)
        # A key only for this test; it signs nothing.
        with open(os.path.join(folder, "signing.key"), "w") as file:
            file.write("ed25519 a_abcd 0aGrE1hsx2WTWRcOXhHUCbvSgP3QDm4Sz7xxBeXyJ4M\n")
        for name, text in case["files"].items():
            with open(os.path.join(folder, name), "w") as file:
                file.write(text.replace("$DIR", folder))
        found = (refusal(folder, names) for names in case["processes"])
        answers[case["case"]] = next((why for why in found if why is not None), None)
        sys.path.remove(folder)
json.dump(answers, sys.stdout)
