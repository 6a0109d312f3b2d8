"""Gives each option a value of each kind, and reports which of them the release that is installed here refuses.

Standard input: {"base": {...}, "sections": {...}, "switched": [...]} as in contexts.yaml, {"options": [path, ...]} to try,
"textless" (options for which few texts are tried), "before" (what another release refuses) and "whole" (see refused_of).
Standard output: {"found": {path: {"refuses": [kind, ...], ...}}, "skipped": {section: message}, "messages": {path: {kind:
message}}, "loads": number}. Options that refuse nothing are not in "found". A section is in "skipped" if the release
refuses it even without a wrong value.
"""

import contextlib
import copy
import io
import json
import os
import re
import sys
import tempfile
import types

import functools
import urllib.parse

import yaml

# Thousands of configurations are read, so the most expensive work is done only once, or in C.
urllib.parse.urljoin = functools.lru_cache(10000)(urllib.parse.urljoin)
if hasattr(yaml, "CSafeLoader"):
    yaml.safe_load = lambda stream: yaml.load(stream, Loader=yaml.CSafeLoader)

probed = types.ModuleType("probed")


class Module:
    def __init__(self, *args, **kwargs):
        pass

    @staticmethod
    def parse_config(config):
        return config

    async def get_users_for_states(self, state_updates):
        return {}

    async def get_interested_users(self, user_id):
        return set()


probed.Module = Module
sys.modules["probed"] = probed

from synapse.config import _base  # noqa: E402
from synapse.config.homeserver import HomeServerConfig  # noqa: E402

if hasattr(_base.Config, "read_templates"):
    read = _base.Config.read_templates
    kept = {}

    def read_templates(self, filenames, *more, **named):
        own = getattr(self, "root", None)
        where = getattr(getattr(own, "server", None), "custom_template_directory", None)
        key = repr((filenames, more, named, where))
        if key not in kept:
            kept[key] = read(self, filenames, *more, **named)
        return kept[key]

    _base.Config.read_templates = read_templates

VALUES = {
    "null": None,
    "true": True,
    "false": False,
    "zero": 0,
    "negative": -5,
    "integer": 7777,
    "float": 1.5,
    "empty string": "",
    "digits": "5",
    "duration": "10m",
    "size": "50M",
    "text": "text",
    "empty list": [],
    "strings": ["text"],
    "numbers": [7777],
    "nulls": [None],
    "mappings": [{"a": "b"}],
    "empty mapping": {},
    "mapping": {"a": "b"},
}
ABSENT = "what an option is set to when it is taken away"
SHAPES = {
    "url": "https://x.example/",
    "range": "10.0.0.0/8",
    "address": "10.0.0.1",
    "mail": "a@x.example",
    "name": "x.example",
    "user": "@a:x.example",
    "room": "#a:x.example",
    "mxc": "mxc://x.example/a",
    "module": "probed.Module",
    "folder": "$DIR",
    "file": "$DIR/signing.key",
    "version": "1.2",
    "event": "m.room.message",
}
# The words that options of some release choose from.
WORDS = (
    "off all invite open authenticated public public_chat private_chat trusted_private_chat allow deny http https "
    "metrics manhole replication client federation crop scale 1 1.1 1.2 1.3 9 10 11 HS256 none auto "
    "client_secret_basic client_secret_post userinfo_endpoint always never sqlite3 psycopg2 livekit hexencode "
    "dotreplace email msisdn only_for_reauth master w true false jwt"
).split()


def segments(path):
    return [a or b or c for a, b, c in re.findall(r'(\[\])|"([^"]+)"|([A-Za-z0-9_:*-]+)', path)]


def put(root, path, value):
    """Sets or removes the value at a path. Returns False if something above it is missing or of another kind."""
    names = segments(path)
    here = root
    for i, name in enumerate(names):
        last = i == len(names) - 1
        if name == "[]":
            if not isinstance(here, list):
                return False
            key = 0
            if not here:
                here.append(None)
        else:
            if not isinstance(here, dict):
                return False
            key = next(iter(here), None) if name == "*" else name
            if key is None:
                key = "w"
            if key not in here:
                if last and value is ABSENT:
                    return False
                here[key] = None
        if last:
            if value is ABSENT:
                del here[key]
            else:
                here[key] = value
            return True
        if here[key] is None:
            here[key] = [] if names[i + 1] == "[]" else {}
        here = here[key]
    return False


nothing = os.open(os.devnull, os.O_RDWR)


def close_descriptors():
    """Synapse may use a number as a file descriptor; what it then opens or closes must not be ours."""
    for number in range(3):
        os.dup2(nothing, number)


class Recording(dict):
    """Records which keys are read."""

    def __init__(self, *args):
        super().__init__(*args)
        self.asked = set()

    def get(self, key, *more):
        self.asked.add(key)
        return super().get(key, *more)

    def __getitem__(self, key):
        self.asked.add(key)
        return super().__getitem__(key)

    def __contains__(self, key):
        self.asked.add(key)
        return super().__contains__(key)


class Readers:
    """The sections of a configuration that was read as a whole. Reading single ones again is a hundred times faster."""

    def __init__(self, root, keys, args, named):
        self.root, self.keys, self.args, self.named = root, keys, args, named

    @classmethod
    def of(cls, probe, around):
        root_class = getattr(_base, "RootConfig", None)
        if root_class is None:
            return None
        kept = {}
        original = root_class.invoke_all

        def invoke_all(root, name, *args, **named):
            if name != "read_config" or not args:
                return original(root, name, *args, **named)
            keys = {}
            for section in sections_of(root):
                recording = Recording(args[0])
                config = section_of(root, section)
                if hasattr(config, name):
                    getattr(config, name)(recording, *args[1:], **named)
                keys[section] = recording.asked
            kept.update(root=root, keys=keys, args=args[1:], named=named)
            return {}

        root_class.invoke_all = invoke_all
        try:
            probe.seen.clear()
            probe.refusal(around)
        finally:
            root_class.invoke_all = original
        return cls(**kept) if kept else None

    def refusal(self, config, asked):
        root = shallow(self.root)
        if hasattr(root, "_configs"):
            root._configs = dict(root._configs)
        for section in sections_of(root):
            own = shallow(section_of(self.root, section))
            own.root = root
            if hasattr(root, "_configs"):
                root._configs[section] = own
            else:
                setattr(root, section, own)
        close_descriptors()
        sink = io.StringIO()
        config = json.loads(json.dumps(config).replace("$DIR", os.getcwd()))
        try:
            with contextlib.redirect_stdout(sink), contextlib.redirect_stderr(sink):
                for section in sections_of(root):
                    if asked & self.keys[section]:
                        section_of(root, section).read_config(copy.deepcopy(config), *self.args, **self.named)
        except BaseException as error:
            return "%s: %s" % (type(error).__name__, error)
        return None


def shallow(one):
    """A shallow copy. `copy.copy` fails, because in old releases the lookup of a missing attribute never ends."""
    copied = object.__new__(type(one))
    copied.__dict__.update(one.__dict__)
    return copied


def sections_of(root):
    return [one.section for one in root.config_classes]


def section_of(root, section):
    return root._configs[section] if hasattr(root, "_configs") else getattr(root, section)


class Probe:
    def __init__(self, asked, folder):
        self.asked = asked
        self.folder = folder
        self.count = 0
        self.seen = {}
        self.known_readers = {}

    def refusal(self, config, worker=False):
        text = json.dumps(config, sort_keys=True).replace("$DIR", self.folder)
        key = (text, worker)
        if key in self.seen:
            return self.seen[key]
        self.count += 1
        path = os.path.join(self.folder, "homeserver.yaml")
        with open(path, "w") as file:
            file.write(text)
        arguments = ["-c", path]
        close_descriptors()
        sink = io.StringIO()
        why = None
        try:
            with contextlib.redirect_stdout(sink), contextlib.redirect_stderr(sink):
                HomeServerConfig.load_config("x", arguments)
        except SystemExit as error:
            why = "exit %s: %s" % (error.code, sink.getvalue()[-300:])
        except BaseException as error:
            why = "%s: %s" % (type(error).__name__, error)
        self.seen[key] = why
        return why

    def surroundings(self, section, switch=True):
        """The configuration around the options of a section; for options at the top level, only the base."""
        config = copy.deepcopy(self.asked["base"])
        own = self.asked["sections"].get(section)
        if own is None:
            return config
        for key in own.get("without", []):
            config.pop(key, None)
        config.update(copy.deepcopy(own.get("with", {})))
        config[section] = copy.deepcopy(own["value"])
        if own.get("worker"):
            config.update({"worker_app": "synapse.app.generic_worker", "worker_name": "w"})
            config["instance_map"] = {"main": {"host": "localhost", "port": 9093}}
        if switch is not True:
            put(config, section + "." + own["switch"], switch)
        return config

    def with_value(self, around, path, value):
        config = copy.deepcopy(around)
        return config if put(config, path, copy.deepcopy(value)) else None

    def refused_of(self, around, paths, kind, value):
        """Returns those of the options that are refused if only that option has this value.

                Tries only the sections that read the option, if the release allows reading them alone. Otherwise, or with
                `whole`, the rest is read as a whole configuration, many options at a time, because most are accepted.
        """
        placed = [(path, self.with_value(around, path, value)) for path in paths]
        placed = [(path, config) for path, config in placed if config is not None]
        readers = self.readers(around)
        if readers:
            # What another release accepts is probably accepted here too: try many at once, and one by one if that
            # fails.
            likely = [path for path, _ in placed if kind not in self.asked["before"].get(path, [kind])]
            for at in range(0, len(likely), 12):
                group = likely[at : at + 12]
                together = copy.deepcopy(around)
                for path in group:
                    put(together, path, copy.deepcopy(value))
                if readers.refusal(together, {segments(path)[0] for path in group}) is None:
                    placed = [one for one in placed if one[0] not in group]
            untold = [path for path in paths if path not in {one for one, _ in placed}]
        refused = [path for path, config in placed if readers and readers.refusal(config, {segments(path)[0]})]
        # What these sections accept, another one may refuse. `whole` tries that too, which takes ten times as long.
        if readers and not self.asked.get("whole"):
            return refused
        rest = [path for path, _ in placed if path not in refused] + (untold if readers else [])
        return refused + self.split(around, rest, value)

    def quick(self, around, path, value):
        """The refusal of one value, by the sections that read the option if the release allows reading them alone."""
        config = self.with_value(around, path, value)
        if config is None:
            return None
        readers = self.readers(around)
        return (readers and readers.refusal(config, {segments(path)[0]})) or (None if readers else self.refusal(config))

    def readers(self, around):
        key = json.dumps(around, sort_keys=True)
        if key not in self.known_readers:
            self.known_readers[key] = Readers.of(self, around)
        return self.known_readers[key]

    def split(self, around, paths, value):
        if not paths:
            return []
        config = copy.deepcopy(around)
        for path in paths:
            put(config, path, copy.deepcopy(value))
        if self.refusal(config) is None:
            return []
        if len(paths) == 1:
            return paths
        half = len(paths) // 2
        return self.split(around, paths[:half], value) + self.split(around, paths[half:], value)


def groups(paths, asked):
    """Groups options that can be tried at once: none is inside another, and none turns another off."""
    switches = {s + "." + own["switch"] for s, own in asked["sections"].items() if "switch" in own}
    switches |= {one["switch"] for one in asked["switched"]} | {"enabled"}
    alone, together = [], []
    parents = {p for path in paths for p in ancestors(path)}
    for path in paths:
        risky = path in switches or path.split(".")[-1] == "enabled" or path in parents or path in ALONE
        (alone if risky else together).append(path)
    return [[path] for path in alone] + [together[i : i + 24] for i in range(0, len(together), 24)]


# Options that turn others off, or name files that others read.
ALONE = {"server_name", "database", "config_path", "worker_app", "discover", "template_dir"}


def ancestors(path):
    names = segments(path)
    found = []
    text = ""
    for name in names[:-1]:
        text += "[]" if name == "[]" else ("." if text else "") + name
        found.append(text)
    return found


def measure(probe, asked):
    found, skipped, messages = {}, {}, {}
    by_section = {}
    for path in asked["options"]:
        names = segments(path)
        section = names[0] if len(names) > 1 else ""
        by_section.setdefault(section, []).append(path)
    jobs = [(s, probe.surroundings(s), paths, None) for s, paths in by_section.items()]
    top = by_section.get("", [])
    for one in asked["switched"]:
        config = copy.deepcopy(asked["base"])
        config.update(copy.deepcopy(one["with"]))
        paths = [p for p in asked["options"] if segments(p)[0] in one["options"]]
        jobs.append(("", config, paths, one["switch"]))
    del top
    for section, around, paths, switch in jobs:
        why = probe.refusal(around)
        if why is not None:
            skipped[section] = why[:200]
            continue
        own = asked["sections"].get(section, {})
        for kind, value in VALUES.items():
            for group in groups(paths, asked):
                for path in probe.refused_of(around, group, kind, value):
                    note(probe, found, messages, around, path, kind, value, own, section, switch)
        for path in paths:
            config = copy.deepcopy(around)
            if len(segments(path)) > 1 and put(config, path, ABSENT) and probe.refusal(config) is not None:
                note(probe, found, messages, around, path, "absent", ABSENT, own, section, switch)
        strings(probe, asked, found, around, paths)
    return {"found": found, "skipped": skipped, "messages": messages, "loads": probe.count}


def note(probe, found, messages, around, path, kind, value, own, section, switch):
    entry = found.setdefault(path, {"refuses": []})
    if switch is not None and kind in entry["refuses"]:
        return
    if kind not in entry["refuses"]:
        entry["refuses"].append(kind)
    messages.setdefault(path, {})[kind] = (probe.quick(around, path, value) or "")[:160]
    if switch is not None:
        entry.setdefault("switched", {}).setdefault(switch, []).append(kind)
    elif "switch" in own and path != section + "." + own["switch"]:
        if probe.quick(probe.surroundings(section, switch=False), path, value) is None:
            # Some sections are on by default.
            is_off = probe.quick(probe.surroundings(section, switch=ABSENT), path, value) is None
            gate = "switched" if is_off else "unless"
            entry.setdefault(gate, {}).setdefault(section + "." + own["switch"], []).append(kind)


def strings(probe, asked, found, around, paths):
    """Finds out which other texts are accepted by options that refuse "text"."""
    for path in paths:
        entry = found.get(path)
        if not entry or "text" not in entry["refuses"]:
            continue
        few = path in asked["textless"]
        took = [w for w in (("1", "1.5", "off", "true") if few else WORDS) if probe.quick(around, path, w) is None]
        shapes = [n for n, v in SHAPES.items() if not few and probe.quick(around, path, v) is None]
        if took:
            entry["words"] = took
        if shapes:
            entry["shapes"] = shapes


asked = json.load(sys.stdin)
answer = os.fdopen(os.dup(1), "w")
sys.stderr = os.fdopen(os.dup(2), "w")
with tempfile.TemporaryDirectory() as folder:
    os.makedirs(os.path.join(folder, "consent", "en"))
    for name in ("1.0.html", "success.html"):
        with open(os.path.join(folder, "consent", "en", name), "w") as file:
            file.write("x")
    # A key only for this test; it signs nothing.
    with open(os.path.join(folder, "signing.key"), "w") as file:
        file.write("ed25519 a_abcd 0aGrE1hsx2WTWRcOXhHUCbvSgP3QDm4Sz7xxBeXyJ4M\n")
    os.chdir(folder)
    json.dump(measure(Probe(asked, folder), asked), answer)
    answer.close()
