// The scripts that !check hands out, for files that cannot be sent as they are: a skeleton without values, and a look.
import { createHash } from 'node:crypto';
import type { Answer } from '../answer.ts';
import { count, list } from '../text/format.ts';
import { code } from '../text/markdown.ts';

const debianFiles = '/etc/matrix-synapse/homeserver.yaml \\\n  /etc/matrix-synapse/conf.d';
const inEnvironment = 'env/bin/python skeleton.py homeserver.yaml';

/**
 * How to run the script with Synapse's own Python. In a container, the script comes from standard input. On NixOS that
 * Python is not accessible, so another one is used, and the paths come from the systemd unit.
 */
const runs: Readonly<Record<string, string>> = {
	docker: 'docker compose exec -T synapse python3 - \\\n  /data/homeserver.yaml < skeleton.py',
	mdad: 'docker exec -i matrix-synapse python3 - \\\n  /data/homeserver.yaml < skeleton.py',
	debian: `sudo /opt/venvs/matrix-synapse/bin/python skeleton.py \\\n  ${debianFiles}`,
	distro: `sudo python3 skeleton.py \\\n  ${debianFiles}`,
	pip: inEnvironment,
	source: inEnvironment,
	ess: 'kubectl -n ess exec -i sts/ess-synapse-main -- \\\n  python3 - /conf/homeserver.yaml < skeleton.py',
	nix: "nix-shell -p 'python3.withPackages (p: [ p.pyyaml ])' --run \\\n  \"python3 skeleton.py $(systemctl cat matrix-synapse |\n    grep -oP -- '--config-path \\K\\S+' | xargs)\"",
};

/** The answer without a configuration: the script that prints one without its values. `isRoom`: files can be sent. */
export function skeletonWords({
	script,
	sha256,
	install,
	name,
	isRoom,
}: {
	script: string;
	sha256: string;
	install: string | boolean | undefined;
	name: string | undefined;
	isRoom: boolean;
}): Answer {
	const own = typeof install === 'string' ? runs[install] : undefined;
	const ways = own === undefined ? [runs.docker, runs.debian, runs.pip] : [own];
	const command = name === undefined ? '!check' : `!check ${name}`;
	const file = 'skeleton.py';
	const trust = [
		`It keeps option names, value types, lengths, counts and the words listed in the script; never a secret, a name or an address. One exception: a passphrase to the left of a colon is mistaken for an option name and kept.`,
		`Read it before you run it (${script.trimEnd().split('\n').length} lines). SHA-256: ${code(sha256)}`,
		`In a checkout of Glia, it is ${code('knowledge/skeleton.py')}. List worker files and the log configuration after the first file.`,
	];
	return {
		value: { format: 1, skeleton: { name: file, sha256, text: script } },
		lead: [
			'**No configuration yet: send yours, or a skeleton of it without values.**',
			`${isRoom ? `Send the file now, or as a reply to this message. Or paste the configuration after ${code(command)} as a code block.` : `Paste the configuration after ${code(command)} as a code block.`} Or run this script, read its output, and ${isRoom ? 'send' : 'paste'} that:`,
		].join('\n\n'),
		title: 'Check: which configuration?',
		sections: [
			{ title: 'What the script keeps', markdown: list(trust), fold: true },
			{
				title: 'Run it',
				markdown: ways.map(way => `\`\`\`bash\n${way ?? ''}\n\`\`\``).join('\n\nor\n\n'),
				fold: false,
			},
		],
		files: [{ name: file, type: 'text/x-python', text: script }],
		kind: 'answer',
	};
}

/** The answer to `look` alone: a script with this plan's conditions. `again`: the command to send its output with. */
export function lookWords(
	script: string,
	conditions: number,
	{ again, install }: { again: string; install: string | boolean | undefined },
): Answer {
	const own = typeof install === 'string' ? runs[install] : undefined;
	const ways = (own === undefined ? [runs.docker, runs.debian, runs.pip] : [own]).map(way =>
		way?.replace('skeleton.py', 'look.py'),
	);
	const sha256 = createHash('sha256').update(script).digest('hex');
	return {
		value: { format: 1, look: { name: 'look.py', sha256, text: script } },
		lead: `**One script checks ${count(conditions, 'condition')}: run it with Synapse's Python.** It prints that Python's version, and IDs or ${code('none')}, never a value.`,
		title: 'Look',
		sections: [
			{ title: 'Checksum', markdown: `SHA-256: ${code(sha256)}`, fold: true },
			{
				title: 'Run it',
				markdown: `${ways.map(way => `\`\`\`bash\n${way ?? ''}\n\`\`\``).join('\n\nor\n\n')}\n\nThen send its output with the same command: ${code(`${again} none`)}`,
				fold: false,
			},
		],
		files: [{ name: 'look.py', type: 'text/x-python', text: script }],
		kind: 'answer',
	};
}
