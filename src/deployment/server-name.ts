// Parses server names by the specification's grammar: a host and an optional port, never an address in disguise.

/** `matrix.org`, `1.2.3.4:8448`, `[::1]`. `host` is without the brackets. */
export type ServerName = { name: string; host: string; kind: 'dns' | 'ipv4' | 'ipv6'; port?: number };

const grammar = /^(?:\[([0-9a-fA-F:.]{2,45})\]|([0-9a-zA-Z.-]{1,230}))(?::(\d{1,5}))?$/;
const label = /^[0-9a-z](?:[0-9a-z-]{0,61}[0-9a-z])?$/i;

/** Undefined if the text is not a server name. */
export function parseServerName(text: string): ServerName | undefined {
	const [, six, other, digits] = grammar.exec(text) ?? [];
	const port = digits === undefined ? undefined : Number(digits);
	if (port !== undefined && (port < 1 || port > 65535)) return undefined;
	const at = { name: text, ...(port !== undefined && { port }) };
	if (six !== undefined) return URL.canParse(`http://[${six}]`) ? { ...at, host: six, kind: 'ipv6' } : undefined;
	if (other === undefined) return undefined;
	if (isIpv4(other)) return { ...at, host: other, kind: 'ipv4' };
	return isHostName(other) ? { ...at, host: other, kind: 'dns' } : undefined;
}

function isIpv4(text: string): boolean {
	return (
		/^\d{1,3}(?:\.\d{1,3}){3}$/.test(text) &&
		text.split('.').every(part => String(Number(part)) === part && Number(part) <= 255)
	);
}

/**
 * Labels of letters, digits and hyphens. A name whose last label is numeric is invalid: `127.1`, `0x7f.1` and
 * `2130706433` are spellings that a lot of software treats as an address.
 */
function isHostName(text: string): boolean {
	const labels = text.split('.');
	return labels.every(part => label.test(part)) && !/^(?:\d+|0x[0-9a-f]*)$/i.test(labels.at(-1) ?? '');
}
