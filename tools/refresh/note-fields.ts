// Generates docs/note-fields.md from the shapes of notes and conditions: every field with its meaning and an example.
import { stringify } from 'yaml';
import { z } from 'zod';
import { conditionShape } from '../../src/knowledge/schema/condition.ts';
import { noteShape } from '../../src/knowledge/schema/note.ts';

export type Field = { name: string; required: boolean; description: string; example: unknown };
type ObjectSchema = z.core.JSONSchema.BaseSchema;

/** `test` and `package` are the conditions that ask something; `forms` are those made of other conditions. */
export type NoteFields = { note: Field[]; deadline: Field[]; test: Field[]; package: Field[]; forms: Field[] };

/** Throws if a field has no description or no example. */
export function noteFields(): NoteFields {
	const schema = schemaOf(noteShape);
	const deadline = schema.properties?.deadline as ObjectSchema;
	const [test, packageTest, ...forms] = choicesOf(schemaOf(conditionShape));
	if (!test || !packageTest) throw new Error('a condition asks for an option or a package');
	return {
		note: fieldsOf(schema),
		deadline: fieldsOf(deadline),
		test: fieldsOf(test),
		package: fieldsOf(packageTest),
		forms: forms.map(form => fieldOf(Object.keys(form.properties ?? {})[0] ?? '', form, false)),
	};
}

function schemaOf(shape: z.ZodType): ObjectSchema {
	return z.toJSONSchema(shape, { io: 'input' }) as ObjectSchema;
}

function choicesOf(schema: ObjectSchema): ObjectSchema[] {
	return schema.anyOf ? schema.anyOf.flatMap(choice => choicesOf(choice as ObjectSchema)) : [schema];
}

function fieldsOf({ properties = {}, required = [] }: ObjectSchema): Field[] {
	return Object.entries(properties).map(([name, field]) =>
		fieldOf(name, field as ObjectSchema, required.includes(name)),
	);
}

function fieldOf(name: string, { description, examples }: ObjectSchema, required: boolean): Field {
	const example = (examples as unknown[] | undefined)?.[0];
	if (!description || example === undefined) throw new Error(`${name} has no description or no example`);
	return { name, required, description, example };
}

export function noteFieldsPage(): string {
	const { note, deadline, test, package: packageTest, forms } = noteFields();
	return `# Fields of a note

This page lists every field of an entry in \`knowledge/synapse/notes/\`; editors show the same descriptions. \`npm run compile\` generates it from \`note.ts\` and \`condition.ts\` in \`src/knowledge/schema/\`, so make changes there. [curating.md](curating.md) says how to write a note.

${table(note)}

## Fields of a \`deadline\`

${table(deadline)}

## Conditions

\`found\` and \`refusesIf\` are conditions. A test of an option names it and says one or more things about it, all of which must be true:

${table(test)}

A test of a package:

${table(packageTest)}

Other forms consist of conditions:

| form | holds if | example |
| --- | --- | --- |
${forms.map(({ name, description, example }) => row(name, description, example)).join('\n')}
`;
}

function table(fields: readonly Field[]): string {
	const rows = fields.map(({ name, required, description, example }) =>
		row(name, description, { [name]: example }, required),
	);
	return ['| field | meaning | example |', '| --- | --- | --- |', ...rows].join('\n');
}

function row(name: string, description: string, example: unknown, required = false): string {
	return `| \`${name}\`${required ? ' (required)' : ''} | ${description} | ${code(stringify(example, options).trim())} |`;
}

const options = { collectionStyle: 'flow', lineWidth: 0, flowCollectionPadding: true } as const;

/** Code for a table cell. If it contains backticks, it needs longer ones around it. */
function code(text: string): string {
	const line = text.replaceAll('[ ', '[').replaceAll(' ]', ']').replaceAll('|', '\\|');
	return line.includes('`') ? `\`\` ${line} \`\`` : `\`${line}\``;
}
