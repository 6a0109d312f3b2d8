// npm runs this after an install: it compiles the knowledge, so that the first start does not have to. Plain JavaScript
// that never fails, because an install must not fail: on an old Node, or in a folder that is not writable, the bot
// reads the source files when it starts.
try {
	const { openKnowledge } = await import('../src/knowledge/compiled.ts');
	await openKnowledge(new URL('../knowledge/', import.meta.url));
} catch {
	// Mistakes in the knowledge are reported by whatever reads it next, with file and line.
}
