import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { editorSchemas } from '../../../tools/refresh/editor-schema.ts';

const folder = new URL('../../../knowledge/schema/', import.meta.url);

test('the schemas for editors are those of the shapes: otherwise run npm run compile', () => {
	const schemas = editorSchemas();
	expect(readdirSync(folder).sort()).toEqual([...schemas.keys()].sort());
	for (const [name, text] of schemas) expect(readFileSync(new URL(name, folder), 'utf8')).toBe(text);
});
