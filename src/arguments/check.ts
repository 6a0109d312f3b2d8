// Parses what follows `!check`: words on the first line, then files as code blocks, or the text itself.

export type Typed = { words: string[]; files: { name: string; text: string }[] };

const fence = /^ {0,3}(`{3,}|~{3,})\s*([^`\n]*)$/;

/**
 * The words and files in a message. Code blocks are files, named by what follows the fence or otherwise `called`, and
 * text between them is ignored. Without a code block, all lines after the first are one file.
 */
export function readCheck(text: string, called = 'message'): Typed {
	const lines = text.replace(/\r\n?/g, '\n').split('\n');
	const start = lines.findIndex(line => fence.test(line));
	const [first = ''] = lines;
	const words = (start === 0 ? '' : first).split(/\s+/).filter(Boolean);
	if (start < 0) {
		const rest = lines.slice(1).join('\n');
		return { words, files: rest.trim() === '' ? [] : [{ name: called, text: rest }] };
	}
	const blocks: Typed['files'] = [];
	let open: { mark: string; name: string | undefined; lines: string[] } | undefined;
	const close = () => {
		if (!open) return;
		const name = open.name ?? (blocks.length ? `${called} ${blocks.length + 1}` : called);
		blocks.push({ name, text: `${open.lines.join('\n')}\n` });
		open = undefined;
	};
	for (const line of lines.slice(start)) {
		const [, mark = '', info = ''] = fence.exec(line) ?? [];
		if (open && mark.startsWith(open.mark) && info.trim() === '') close();
		else if (open) open.lines.push(line);
		else if (mark) open = { mark, name: fileName(info), lines: [] };
	}
	close();
	return { words, files: blocks };
}

/** ```` ```yaml conf.d/email.yaml ````: the word with a YAML extension. */
function fileName(info: string): string | undefined {
	return info.split(/\s+/).find(word => /^[\w./-]{1,80}\.ya?ml$/.test(word));
}

/** The configurations in a message that is not a command: its code blocks, or all of it. */
export function filesIn(message: string): Typed['files'] {
	return readCheck(`\n${message}`).files;
}

/** The same for a message that may be ordinary conversation: only what looks like a configuration. */
export function configurationsIn(message: string): Typed['files'] {
	return filesIn(message).filter(({ text }) => /^(?:--- # file \d|[a-z_]{3,40}:(?:\s|$))/m.test(text));
}
