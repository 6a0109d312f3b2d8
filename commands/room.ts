// !room: the settings of this room.

import type { Settings } from '../src/advice/watch/subscription.ts';
import { Refusal } from '../src/answer.ts';
import type { Command, Ports } from '../src/command.ts';
import { settingsWords } from '../src/messages/watch.ts';
import { isQuiet, zoneNamed } from '../src/text/local-time.ts';
import { code, quoted } from '../src/text/markdown.ts';

/** Each setting with an example. `read` parses a value; undefined for an invalid one. Throws a Refusal for `@room`. */
const settable: Record<
	string,
	{ example: string; spaced?: true; read: (value: string, sender: string) => Partial<Settings> | undefined }
> = {
	zone: {
		example: 'zone Europe/Berlin',
		spaced: true,
		read(value) {
			const zone = zoneNamed(value);
			return zone === undefined ? undefined : { zone };
		},
	},
	quiet: {
		example: 'quiet 22:00-07:00',
		spaced: true,
		read(value) {
			const quiet = wholeHours(value);
			return isQuiet(quiet) ? { quiet } : undefined;
		},
	},
	severity: {
		example: 'severity warning',
		read: value => (value === 'info' || value === 'warning' || value === 'severe' ? { severity: value } : undefined),
	},
	messages: {
		example: 'messages notice',
		read: value => (value === 'notice' || value === 'text' ? { messages: value } : undefined),
	},
	mention: {
		example: 'mention @admin:example.org',
		read: (value, sender) => {
			if (value === 'me') return { mention: sender };
			if (value === '@room')
				throw new Refusal(
					`I never mention ${code('@room')}: my messages are for admins, not for everyone here. Name one person (${code('!room mention @admin:example.org')}), or ${code('me')}.`,
				);
			return /^@[^\s:]+:\S+$/.test(value) ? { mention: value } : undefined;
		},
	},
	bare: {
		example: 'bare off',
		read: value => (value === 'on' || value === 'off' ? { bare: value === 'on' } : undefined),
	},
};

/** Rewrites `22-7`, `22h-7h` and `22:00-7:00` as `22:00-07:00`; returns anything else unchanged. */
function wholeHours(value: string): string {
	const [, from, fromMinute = '00', to, toMinute = '00'] =
		/^(\d\d?)(?::(\d\d))?h?-(\d\d?)(?::(\d\d))?h?$/.exec(value) ?? [];
	if (from === undefined || to === undefined) return value;
	return `${from.padStart(2, '0')}:${fromMinute}-${to.padStart(2, '0')}:${toMinute}`;
}

export const room = {
	name: 'room',
	usage: 'room [setting value]',
	summary: 'time zone, quiet hours, severity, mentions',
	examples: ['room', ...Object.values(settable).map(({ example }) => `room ${example}`)],
	help: `Use ${code('default')} as the value to reset a setting. During quiet hours, I report only severe advisories. ${code('bare off')} leaves ${code('!upgrade')} to other bots; then use ${code('!glia upgrade')}.`,
	changes: true,
	asks: words => words.length === 0,
	async run({ words, room: id, sender }, { store, now }: Pick<Ports, 'store' | 'now'>) {
		const settings = await store.settings(id);
		const [name, ...rest] = words;
		if (name === undefined) return settingsWords(settings, undefined);
		const setting = settable[name.toLowerCase()];
		if (!setting || !Object.hasOwn(settable, name.toLowerCase()))
			throw new Refusal(
				`There is no setting ${quoted(name)}. The settings are: ${Object.keys(settable).map(code).join(', ')}; for example ${code('!room zone Europe/Berlin')}`,
			);
		const key = name.toLowerCase();
		// A city or a time span may be typed with spaces; in another value they would hide a second word.
		const value = setting.spaced ? rest.join('').replace(/[–—]/g, '-') : rest.join(' ');
		if (value === '') throw new Refusal(`Which value? For example ${code(`!room ${setting.example}`)}`);
		const { [key as keyof Settings]: _, ...others } = settings;
		const changed = value.toLowerCase() === 'default' ? {} : setting.read(value, sender);
		if (!changed)
			throw new Refusal(
				`${quoted(value)} is not a valid value for ${code(key)}. For example: ${code(`!room ${setting.example}`)}`,
			);
		const kept = { ...others, ...changed };
		await store.keepSettings(id, kept, now());
		return settingsWords(kept, key);
	},
} satisfies Command;
