"""Prints each failed task of a play as one line of JSON: host, task, item and message."""

import json

from ansible.plugins.callback import CallbackBase


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "refusals"

    def v2_runner_on_failed(self, result, ignore_errors=False):
        whole = result._result
        for one in [each for each in whole.get("results", []) if each.get("failed")] or [whole]:
            line = {"host": str(result._host), "task": result._task.get_name(), "item": one.get("item")}
            print(json.dumps({**line, "msg": str(one.get("msg"))}))
