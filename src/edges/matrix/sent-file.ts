// Reads a message's file from its event. All of it comes from strangers.
import type { SentFile } from '../../ports/homeserver.ts';
import { isRecord, type Json, text } from './json.ts';

const pictures = ['m.image', 'm.video', 'm.audio'];

/** The maximum length of a file name in characters. */
const maxName = 100;

/** Nothing that could form a path, because it becomes part of a URL at our homeserver. */
const address = /^mxc:\/\/[A-Za-z0-9.-]{1,255}(?::\d{1,5})?\/[A-Za-z0-9_-]{1,255}$/;
const ipv6Address = /^mxc:\/\/\[[0-9A-Fa-f:.]{2,45}\](?::\d{1,5})?\/[A-Za-z0-9_-]{1,255}$/;

/** The file in a message's content; undefined if there is none. */
export function sentFile(content: Json): SentFile | undefined {
	const { msgtype, body, filename, info, file } = content;
	const is = msgtype === 'm.file' ? 'file' : pictures.includes(String(msgtype)) ? 'picture' : undefined;
	if (is === undefined) return undefined;
	const name = [...(text(filename) ?? text(body) ?? '').slice(0, 2 * maxName)].slice(0, maxName).join('').trim();
	const url = isRecord(file) ? text(file.url) : text(content.url);
	const size = isRecord(info) ? info.size : undefined;
	return {
		name: name || 'file',
		is,
		...(url !== undefined && isAddress(url) && { url }),
		...(typeof size === 'number' && Number.isSafeInteger(size) && size >= 0 && { size }),
		...(isRecord(file) && { key: file }),
	};
}

function isAddress(url: string): boolean {
	return address.test(url) || ipv6Address.test(url);
}

/** The caption of a file: from version 1.10 of the specification on, its body if that is not the file name. */
export function captionOf({ body, filename }: Json): string {
	return typeof body === 'string' && typeof filename === 'string' && body !== filename ? body : '';
}
