// The shape of a note: what a release requires of people who upgrade to it. docs/note-fields.md is generated from it.
import { z } from 'zod';
import { conditionShape, effectConditionShape, fileConditionShape, foundInShape } from './condition.ts';
import { appliesShape, clause, id, path, prose, readHash, roughDate, title, version } from './fields.ts';

/** A passage of upstream's documents, as notes refer to it. */
export const coverShape = z.union(
	[
		z.strictObject({
			document: z.literal('upgrade.md').describe("Which of upstream's documents."),
			section: version.optional().describe('The release of the section, if it is not the release of the note.'),
			heading: z.string().min(1).optional().describe('The heading, as upstream wrote it.'),
			under: z.string().min(1).optional().describe('A deeper heading below it.'),
			read: readHash,
		}),
		z.strictObject({
			document: z.literal('CHANGES.md').describe("Which of upstream's documents."),
			release: version.describe('The release or candidate under which the change log lists it.'),
			part: z.string().min(1).describe('The heading within that release; `Top` for what comes before the first one.'),
			bullet: z.string().min(1).describe('The number of the pull request, or the first words of the text.'),
			read: readHash,
		}),
	],
	{
		error:
			'a source: { document: upgrade.md, section?, heading?, under?, read } or { document: CHANGES.md, release, part, bullet, read }, hashes in quotes',
	},
);
export type Cover = z.infer<typeof coverShape>;

/** When something stops working, according to upstream. */
const promiseAt = z.union(
	[
		z.strictObject({
			version: version.describe('The release that upstream named.'),
			orLater: z.literal(true).optional().describe('It may come with this version or any later one.'),
		}),
		z.strictObject({ date: roughDate.describe('The year, month or day that upstream named.') }),
		z.strictObject({
			version: version.describe('The release that upstream named.'),
			date: roughDate.describe('The year, month or day that upstream named.'),
		}),
		z.strictObject({ vague: z.string().min(1).describe('What upstream said instead of a version or a date.') }),
	],
	{ error: '{ version: 1.166.0 }, { date: "2027" } or { vague: a future release }' },
);

// Fields of notes have examples because docs/note-fields.md is generated from the descriptions and examples.
const deadlineShape = z.strictObject({
	subject: title.meta({
		description: 'What stops working, as a noun phrase: the title of the deadline.',
		examples: ['the old Prometheus metric names'],
	}),
	at: promiseAt.meta({
		description: 'When: a version, a date, both, or, in `vague`, what upstream said instead.',
		examples: [{ version: '1.166.0' }],
	}),
	promised: prose.meta({
		description: 'What upstream promised, in our words.',
		examples: ['The old names will be removed in 1.166.0.'],
	}),
	replacedBy: prose
		.optional()
		.meta({ description: 'What to use instead.', examples: ['the new names, which end in `_total`'] }),
	landed: version.optional().meta({
		description: 'The release in which it actually happened. Leave it out while the old way still works.',
		examples: ['1.168.0'],
	}),
	withdrawn: prose.optional().meta({
		description: 'Why the promise no longer holds, if upstream took it back.',
		examples: ['1.167.0 keeps the old names for good.'],
	}),
	found: fileConditionShape.optional().meta({
		description: 'Which configurations the deadline is about, if not all that the note is about.',
		examples: [{ option: 'enable_legacy_metrics', is: true }],
	}),
});

export const noteShape = z.strictObject({
	id: id.meta({
		description: 'The name of the note. Together with the release it is permanent: `1.66.0/email-delegation`.',
		examples: ['email-delegation'],
	}),
	when: z.enum(['before', 'switch', 'after']).meta({
		description:
			'When to act: `before` the release is installed, at the `switch` to it (when it starts for the first time), or `after` it has started.',
		examples: ['before'],
	}),
	possible: version.optional().meta({
		description: 'The first release on which it can be done. Leave it out if it can be done on any release.',
		examples: ['1.60.0'],
	}),
	must: z.boolean().meta({
		description: 'Whether those affected have to act. `false`: it is optional, or only good to know.',
		examples: [true],
	}),
	refuses: z
		.boolean()
		.default(false)
		.meta({
			description: 'Whether the release does not start until it is done. Needs `must: true`.',
			examples: [true],
		}),
	applies: appliesShape.optional().meta({
		description: 'Who it affects, by facts (`!help facts` lists them). Leave it out if it affects everyone.',
		examples: [{ any: ['workers', 'postgres<13'] }],
	}),
	onlyIf: clause.optional().meta({
		description:
			'What readers should look for on their server if no fact covers it: a clause that continues “only if”.',
		examples: ['`homeserver.yaml` has `acme`'],
	}),
	certainBelow: version.optional().meta({
		description: 'An upgrade that starts below this release meets `onlyIf` for certain.',
		examples: ['1.68.0'],
	}),
	found: conditionShape.optional().meta({
		description:
			'The same condition in machine-readable form, for `!check`. Without `onlyIf`, it says who can ignore the note: anyone it does not match.',
		examples: [{ option: 'acme.enabled', is: true }],
	}),
	partly: z
		.literal(true)
		.optional()
		.meta({
			description:
				'Files can confirm `found` but not rule it out, since a flag or the environment may have the same effect.',
			examples: [true],
		}),
	refusesIf: effectConditionShape.optional().meta({
		description: 'For `refuses`: which of the deployments that `found` matches cannot start, if not all of them.',
		examples: [{ option: 'acme.domain', absent: true }],
	}),
	foundIn: foundInShape.optional().meta({
		description: 'Where to look if no configuration file shows it.',
		examples: ['packages'],
	}),
	until: version.optional().meta({
		description: 'For `refuses`: the first later release that starts even if it has not been done.',
		examples: ['1.84.1'],
	}),
	options: z
		.array(z.string().min(1))
		.default([])
		.meta({ description: 'The Synapse options it is about, as paths.', examples: [['acme', 'listeners[].tls']] }),
	endpoints: z
		.array(z.string().min(1))
		.default([])
		.meta({ description: 'The endpoints it is about.', examples: [['/_synapse/admin/v2/users']] }),
	metrics: z
		.array(z.string().min(1))
		.default([])
		.meta({ description: 'The Prometheus metrics it is about.', examples: [['synapse_federation_client_sent_edus']] }),
	story: id.optional().meta({
		description: 'A name that notes on one subject share: a plan shows only the last of them that is due.',
		examples: ['structured-logging'],
	}),
	deadline: deadlineShape.optional().meta({
		description: 'A promise that something will stop working; its fields are below.',
		examples: [{ subject: '`acme`', at: { version: '1.166.0' }, promised: 'Support ends in 1.166.0.' }],
	}),
	oneWay: prose.optional().meta({
		description: 'What cannot be undone once this release has run, in one sentence.',
		examples: ['The table `device_max_stream_id`, which releases before 1.18.0 need, is dropped.'],
	}),
	longStart: z
		.literal(true)
		.optional()
		.meta({
			description:
				'The note is about a first start that takes a long time, for example because of a migration. A plan mentions all such notes together if systemd limits the startup time.',
			examples: [true],
		}),
	people: title.optional().meta({
		description: 'What users will notice and ask about unless the admin changes a setting, in one line.',
		examples: ['Communities are gone; Spaces replace them'],
	}),
	title: title.meta({
		description: 'What to do or what changes, in at most 80 characters.',
		examples: ['Remove `acme` from the configuration'],
	}),
	text: prose.meta({
		description: 'What changes, what to type, and how to see that it worked. Markdown without HTML.',
		examples: ['Remove the `acme` block and let the reverse proxy fetch the certificates.'],
	}),
	covers: z
		.array(coverShape)
		.default([])
		.meta({
			description:
				"The passages of upstream's documents that it was written from; `npm run mark-read` fills in `read`.",
			examples: [[{ document: 'upgrade.md', heading: 'Removal of ACME', read: '000000' }]],
		}),
	code: z
		.array(path)
		.default([])
		.meta({
			description: "The Synapse files that show it, if upstream's documents do not; `@1.103.0` names another release.",
			examples: [['synapse/config/tls.py', 'CHANGES.md@1.103.0']],
		}),
	links: z
		.array(z.string().startsWith('https://'))
		.default([])
		.meta({
			description: 'Issues and other pages that show it.',
			examples: [['https://github.com/element-hq/synapse/pull/19000']],
		}),
});
export type NoteFile = z.infer<typeof noteShape>;
