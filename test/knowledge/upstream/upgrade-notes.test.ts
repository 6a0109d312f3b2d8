import { expect, test } from 'vitest';
import { hashed } from '../../../src/knowledge/upstream/passage.ts';
import { upgradePassages } from '../../../src/knowledge/upstream/upgrade-notes.ts';

const document = `# Upgrading Pigeons
How to upgrade at all.
## Rolling back
Not at night.
# Upgrading to v1.66.0
Feed them first.
## Mail
By pigeon.
### On Monday
Slowly.
#### In the morning
Very slowly.
### On Tuesday
Fast.
## Seed
### Corn
Yellow.
# Upgrading to v1.0
## Mail
By hand.
`;

const at = (anchor: string) => `https://element-hq.github.io/synapse/latest/upgrade.html#${anchor}`;

test('reads passages under headings, under deeper headings, and above all headings', () => {
	const section = 'Upgrading to v1.66.0';
	const common = { document: 'upgrade.md', release: '1.66.0', section };
	expect(upgradePassages(document, version => version)).toEqual([
		{ ...common, url: at('upgrading-to-v1660'), text: 'Feed them first.' },
		{ ...common, heading: 'Mail', url: at('mail'), text: 'By pigeon.' },
		{
			...common,
			heading: 'Mail',
			under: 'On Monday',
			url: at('on-monday'),
			text: 'Slowly.\nIn the morning\nVery slowly.',
		},
		{ ...common, heading: 'Mail', under: 'On Tuesday', url: at('on-tuesday'), text: 'Fast.' },
		// Seed has no text of its own, and is covered by what is under it.
		{ ...common, heading: 'Seed', under: 'Corn', url: at('corn'), text: 'Yellow.' },
		{
			document: 'upgrade.md',
			release: '1.0.0',
			section: 'Upgrading to v1.0',
			heading: 'Mail',
			url: at('mail-1'),
			text: 'By hand.\n',
		},
	]);
});

test('assigns the section of a release that never came out to the release at its position, under its own title', () => {
	const [first] = upgradePassages('# Upgrading to v0.15.0\nNew seed.', () => '0.16.0');
	expect(first).toMatchObject({ release: '0.16.0', section: 'Upgrading to v0.15.0' });
});

test('hashes the words, but not line breaks or the text under a deeper heading', () => {
	const hashOf = (text: string, heading = 'Mail', under?: string) =>
		hashed(upgradePassages(text, version => version)).find(p => p.heading === heading && p.under === under)?.hash;
	const before = hashOf(document);
	expect(before).toMatch(/^[0-9a-f]{6}$/);
	expect(hashOf(document.replace('By pigeon', 'By\n\tpigeon'))).toBe(before);
	expect(hashOf(document.replace('Slowly', 'Not at all'))).toBe(before);
	expect(hashOf(document.replace('By pigeon', 'By dove'))).not.toBe(before);
	expect(hashOf(document.replace('Very slowly', 'Fast'), 'Mail', 'On Monday')).not.toBe(
		hashOf(document, 'Mail', 'On Monday'),
	);
});
