// The configuration of what is read from upstream, and of intervals.
import { z } from 'zod';
import { filePath } from './named-files.ts';

/** The longest interval, in hours or days: much longer ones lead to dates that do not exist. */
export const longest = 1_000_000;

export const hours = (standard: number) =>
	z
		.number('a number of hours')
		.min(0.05, 'at most every three minutes')
		.max(longest, `at most ${longest}`)
		.default(standard);

/** Without a user name and a password, which would not be sent. */
export const https = z
	.url({ protocol: /^https$/, error: 'an address that begins with https://' })
	.refine(text => !URL.canParse(text) || new URL(text).username + new URL(text).password === '', {
		error: 'an address without a user name and a password',
	});

const address = (standard: string, ...needed: string[]) =>
	https
		.refine(text => needed.every(part => text.includes(part)), {
			error: `an address with ${needed.join(' and ')} in it`,
		})
		.default(standard);

const github = 'https://api.github.com/repos/element-hq/synapse';
const raw = 'https://raw.githubusercontent.com';
const mdad = `${raw}/spantaleev/matrix-docker-ansible-deploy/master`;

export const live = z.strictObject({
	enabled: z.boolean().default(true),
	seconds: z.number().min(1, 'at least 1').max(3600, 'at most 3600').default(60),
	token: z.string().min(1).optional(),
	tokenFile: filePath.optional(),
	releases: z.strictObject({ address: address(`${github}/releases?per_page=100`), hours: hours(1) }).prefault({}),
	upgradeNotes: z
		.strictObject({ address: address(`${raw}/element-hq/synapse/{tag}/docs/upgrade.md`, '{tag}'), hours: hours(6) })
		.prefault({}),
	files: z
		.strictObject({ address: address(`${raw}/element-hq/synapse/{tag}/{path}`, '{tag}', '{path}'), hours: hours(6) })
		.prefault({}),
	advisories: z
		.strictObject({
			address: address(`${github}/security-advisories?per_page=100`),
			post: z.string().min(1).optional(),
			hours: hours(6),
		})
		.prefault({}),
	lifecycles: z
		.strictObject({
			address: address('https://endoflife.date/api/v1/products/{product}', '{product}'),
			hours: hours(24),
		})
		.prefault({}),
	edition: z
		.strictObject({
			address: https.optional(),
			hours: hours(24),
		})
		.prefault({}),
	playbook: z
		.strictObject({
			changes: address(`${mdad}/CHANGELOG.md`),
			defaults: address(`${mdad}/roles/custom/matrix-synapse/defaults/main.yml`),
			hours: hours(6),
		})
		.prefault({}),
	charts: z
		.strictObject({
			releases: address('https://api.github.com/repos/element-hq/ess-helm/releases?per_page=100'),
			values: address(`${raw}/element-hq/ess-helm/{tag}/charts/matrix-stack/values.yaml`, '{tag}'),
			hours: hours(6),
		})
		.prefault({}),
});
