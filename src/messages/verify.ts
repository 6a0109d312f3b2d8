// Words for !verify: the bot's keys, and what comparing them achieves.

import type { Answer } from '../answer.ts';
import { list } from '../text/format.ts';
import { code } from '../text/markdown.ts';

/** `master`: the public key of the account's identity. Without encryption, only the format. */
type Verify = { format: 1; fingerprint?: string; master?: string; signed?: boolean };

export function verifyWords(value: Verify): Answer {
	const { fingerprint, master, signed } = value;
	if (fingerprint === undefined)
		return {
			value,
			lead: 'I have no keys here, so there is nothing to compare: nothing I say is encrypted.',
			sections: [],
			kind: 'answer',
		};
	const whole = master?.replace(/.{4}(?=.)/g, '$& ');
	const keys = [
		...(whole === undefined ? [] : [`Master key of my account: ${code(whole)}`]),
		`Key of this session: ${code(fingerprint)}${signed ? ', signed by my account' : signed === false ? ', ⚠️ not signed by my account' : ''}`,
	];
	const compare = [
		'Compare the master key with the one that my operator published outside Matrix: it stays the same when my session changes.',
		'Your client shows the key of this session among the sessions of my account; it must match.',
		'My operator can verify me with emoji: press “verify” in the client, and compare the emoji it shows with those in my log.',
	];
	const worth = [
		'Showing these keys here proves little: the homeserver relays my messages and could change them. A matching key from another source proves that nobody is in between.',
		'Without my log, “they match” means nothing: I cannot see what your client shows.',
		'A verified session proves who is speaking, not that what I say is correct.',
	];
	return {
		value,
		lead: `**My keys**, so you can check that it is really me:\n\n${list(keys)}`,
		sections: [
			{ title: 'What to compare', markdown: list(compare), fold: false },
			{ title: 'What this proves', markdown: list(worth), fold: false },
		],
		kind: 'answer',
	};
}
