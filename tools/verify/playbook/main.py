"""Checks vars.yml files with the playbook: `main.py [--templates role,…] <playbook with its roles> <vars.yml…>`.

Standard output: {file: {"names": […], "others": […]}}: the names in the file that are refused, and other tasks that fail.
All checks run, although the playbook itself would stop at the first failure. With --templates, it renders the templates
of these roles instead, as far as the variables enable them: {file: {"undefined": […], "others": […]}}: names that the
file uses but nothing defines, and other errors that the first file, which must be complete, does not have.
Needs ansible-core in the PATH. No server is touched.
"""

import glob

import json
import os
import re
import subprocess
import sys
import tempfile

import yaml

# Facts that the playbook reads from a machine.
FACTS = """ansible_facts: {architecture: x86_64, os_family: Debian, distribution: Debian, memtotal_mb: 4096, service_mgr: systemd}
ansible_architecture: x86_64
"""
# The same facts for templates, which read them as gathered ones.
GATHERED = {
    "architecture": "x86_64",
    "os_family": "Debian",
    "distribution": "Debian",
    "distribution_release": "bookworm",
    "distribution_major_version": "12",
    "memtotal_mb": 4096,
    "service_mgr": "systemd",
    "processor_vcpus": 2,
    "default_ipv4": {"address": "192.0.2.1"},
}
# Templates that roles render once per worker or bridge, with loop variables, and programs, which no variable changes.
NOT_RENDERED = re.compile(r"systemd|/bin/|\.service\.|worker-labels|worker\.yaml|Dockerfile|/ext/|/prometheus/")
NOT_JUDGED = re.compile(r"architecture|uppercase domain")


def start(playbook):
    """The roles that are there, and the first lines of a play that knows the defaults of all of them."""
    with open("%s/setup.yml" % playbook) as file:
        listed = [role if isinstance(role, str) else role.get("role") for role in yaml.safe_load(file)[0]["roles"]]
    roles = [role for role in listed if os.path.isdir("%s/roles/%s" % (playbook, role))]
    # Listing a role loads its defaults, which other roles use.
    lines = ["- hosts: all\n  connection: local\n  gather_facts: false\n  roles:"]
    lines += ["    - { role: %s, when: false, tags: [never] }" % role for role in roles]
    lines.append("  tasks:")
    return roles, lines


def rendering(playbook, wanted):
    roles, lines = start(playbook)
    facts = {"ansible_%s" % name: value for name, value in GATHERED.items()}
    lines.append("    - ansible.builtin.set_fact: %s" % json.dumps({"cacheable": True, **facts}))
    for role in roles:
        if role.split("/")[-1] not in wanted:
            continue
        folder = "%s/roles/%s" % (playbook, role)
        guard = ""
        if os.path.exists("%s/tasks/main.yml" % folder):
            with open("%s/tasks/main.yml" % folder) as file:
                found = re.search(r"when: *\"?(?:run_\w+ \| bool and )?(\w+_enabled) \| bool", file.read())
            guard = "\n      when: %s | default(false) | bool" % found.group(1) if found else ""
        for path in sorted(glob.glob("%s/templates/**/*.j2" % folder, recursive=True)):
            if NOT_RENDERED.search(path):
                continue
            lines.append("    - name: %s" % json.dumps("%s %s" % (role, os.path.basename(path))))
            lines.append("      vars: { role_path: %s }" % json.dumps(folder))
            lines.append(
                "      ansible.builtin.set_fact: { rendered: \"{{ lookup('ansible.builtin.template', '%s') | length }}\" }" % path
            )
            lines.append("      ignore_errors: true" + guard)
    return "\n".join(lines) + "\n"


def play(playbook):
    roles, lines = start(playbook)

    def check(role, tasks, guard=""):
        lines.append("    - include_role: { name: %s, tasks_from: %s, apply: { ignore_errors: true } }" % (role, tasks))
        lines.append("      ignore_errors: true" + ("\n      when: %s | bool" % guard if guard else ""))

    for tasks in ("validate_migration_version", "validate_config"):
        check("custom/matrix_playbook_migration", tasks)
    condition = r"when: *\"?(?:run_\w+ \| bool and )?(\w+_enabled) \| bool"
    for role in roles:
        folder = "%s/roles/%s/tasks" % (playbook, role)
        if role == "custom/matrix_playbook_migration" or not os.path.exists("%s/validate_config.yml" % folder):
            continue
        with open("%s/main.yml" % folder) as file:
            main = file.read()
        below = re.findall(r"validate_config.yml.*\n\s+" + condition, main)
        guards = below or re.findall(condition, main[: main.find("validate_config.yml")])
        check(role, "validate_config", guards[-1] if guards else "")
    return "\n".join(lines) + "\n"


def tried(playbook, files, made, told):
    with tempfile.TemporaryDirectory() as scratch:
        hosts = {"v%d" % index: path for index, path in enumerate(files)}
        names = {}
        for host, path in hosts.items():
            folder = "%s/host_vars/%s" % (scratch, host)
            os.makedirs(folder)
            with open(path) as file:
                text = file.read()
            names[host] = set(re.findall(r"^(\w+):", text, re.MULTILINE))
            for name, content in (("facts.yml", FACTS), ("vars.yml", text)):
                with open("%s/%s" % (folder, name), "w") as file:
                    file.write(content)
        os.symlink("%s/group_vars" % playbook, "%s/group_vars" % scratch)
        with open("%s/hosts" % scratch, "w") as file:
            file.write("[matrix_servers]\n%s\n" % "\n".join(hosts))
        with open("%s/check.yml" % scratch, "w") as file:
            file.write(made)
        own = os.path.dirname(os.path.abspath(__file__))
        environment = {**os.environ, "ANSIBLE_CALLBACK_PLUGINS": own, "ANSIBLE_STDOUT_CALLBACK": "refusals"}
        environment["ANSIBLE_ROLES_PATH"] = "%s/roles" % playbook
        command = ["ansible-playbook", "-i", "%s/hosts" % scratch, "%s/check.yml" % scratch]
        ran = subprocess.run(command, cwd=playbook, env=environment, capture_output=True, text=True)
    lines = [json.loads(line) for line in ran.stdout.splitlines() if line.startswith("{")]
    return {
        os.path.basename(path): told([line for line in lines if line["host"] == host], names[host], path)
        for host, path in hosts.items()
    }


def refusals(lines, names, _):
    refused, others = set(), set()
    for line in lines:
        item = line["item"]
        said = item.get("old") or item.get("name") or "" if isinstance(item, dict) else ""
        task = line["task"].split(" : ")[-1]
        if NOT_JUDGED.search("%s %s %s" % (task, said, line["msg"])):
            continue
        found = {name for name in names if re.search(r"\b%s\b" % name, "%s %s" % (said, line["msg"]))}
        named = [said] if said else re.findall(r"[a-z]+_\w+", task)
        if "Deprecation" in task:
            refused |= found
        else:
            others |= set(named or found or re.findall(r"`(\w+_\w+)`", line["msg"]) or [task])
    return {"names": sorted(refused), "others": sorted(others)}


def failures(whole):
    """For templates. `whole`: errors that have nothing to do with the variables, filled from the first file."""

    def told(lines, _, path):
        with open(path) as file:
            text = file.read()
        undefined, others = set(), set()
        for line in lines:
            said = re.findall(r"'(\w+)' is undefined", line["msg"])
            loops = re.search(r"recursive loop", line["msg"])
            own = [name for name in said if re.search(r"\b%s\b" % name, text)]
            undefined |= set(own)
            kind = "%s: %s" % (line["task"], "recursive loop" if loops else said[-1] if said else line["msg"][:120])
            if not own:
                others.add(kind)
        first = whole.setdefault("others", others)
        return {"undefined": sorted(undefined), "others": sorted(others - first)}

    return told


def main(arguments):
    if arguments[0] == "--templates":
        _, wanted, folder, *files = arguments
        playbook = os.path.abspath(folder)
        return tried(playbook, files, rendering(playbook, wanted.split(",")), failures({}))
    playbook = os.path.abspath(arguments[0])
    return tried(playbook, arguments[1:], play(playbook), refusals)


if __name__ == "__main__":
    json.dump(main(sys.argv[1:]), sys.stdout, indent="\t")
