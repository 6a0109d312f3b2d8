// Generates docs/note-fields.md from the shape of notes: every field with its meaning and an example.
import { stringify } from 'yaml';
import { z } from 'zod';
import { noteShape } from '../../src/knowledge/schema/note.ts';

export type Field = { name: string; required: boolean; description: string; example: unknown };
type ObjectSchema = z.core.JSONSchema.BaseSchema;

/** Throws if a field has no description or no example. */
export function noteFields(): { note: Field[]; deadline: Field[] } {
	const schema = z.toJSONSchema(noteShape, { io: 'input' }) as ObjectSchema;
	const deadline = schema.properties?.deadline as ObjectSchema;
	return { note: fieldsOf(schema), deadline: fieldsOf(deadline) };
}

function fieldsOf({ properties = {}, required = [] }: ObjectSchema): Field[] {
	return Object.entries(properties).map(([name, field]) => {
		const { description, examples } = field as ObjectSchema;
		const example = (examples as unknown[] | undefined)?.[0];
		if (!description || example === undefined) throw new Error(`${name} has no description or no example`);
		return { name, required: required.includes(name), description, example };
	});
}

export function noteFieldsPage(): string {
	const { note, deadline } = noteFields();
	return `# Fields of a note

This page lists every field of an entry in \`knowledge/synapse/notes/\`; editors show the same descriptions. \`npm run compile\` generates it from \`src/knowledge/schema/note.ts\`, so make changes there. [curating.md](curating.md) says how to write a note.

${table(note)}

## Fields of a \`deadline\`

${table(deadline)}
`;
}

function table(fields: readonly Field[]): string {
	const rows = fields.map(
		({ name, required, description, example }) =>
			`| \`${name}\`${required ? ' (required)' : ''} | ${description} | ${code(stringify({ [name]: example }, options).trim())} |`,
	);
	return ['| field | meaning | example |', '| --- | --- | --- |', ...rows].join('\n');
}

const options = { collectionStyle: 'flow', lineWidth: 0, flowCollectionPadding: true } as const;

/** Code for a table cell. If it contains backticks, it needs longer ones around it. */
function code(text: string): string {
	const line = text.replaceAll('[ ', '[').replaceAll(' ]', ']').replaceAll('|', '\\|');
	return line.includes('`') ? `\`\` ${line} \`\`` : `\`${line}\``;
}
