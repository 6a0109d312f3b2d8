// Names and addresses in the configuration: of the homeserver, of users, of servers.
import { z } from 'zod';
import { parseServerName } from '../deployment/server-name.ts';

const spelling = /^@[^:\s]+:\S+$/;

export function isServer(text: string): boolean {
	return parseServerName(text) !== undefined;
}

export function isUserId(text: string): boolean {
	return spelling.test(text) && isServer(text.slice(text.indexOf(':') + 1));
}

const wanted = 'the full user ID of the bot, like "@glia:example.org"';

/** The bot's own account. */
export const userId = z
	.string()
	.regex(spelling, wanted)
	.refine(text => !spelling.test(text) || isUserId(text), wanted);

/** A login in the address would be logged, and a query would swallow the path of each request. */
export const homeserver = z
	.url({ protocol: /^https?$/, error: 'the address of the homeserver, like https://matrix.example.org' })
	.refine(text => !/[?#]|^[^/]*\/*[^/]*@|\/_matrix(?:\/|$)/.test(text), {
		error: 'only the address, like https://matrix.example.org: without a user name, ?, # or /_matrix',
	});
