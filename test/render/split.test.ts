// Long answers: every part is within the limit, nothing is lost or moved, folds and code stay whole.
import { expect, test } from 'vitest';
import type { Answer } from '../../src/answer.ts';
import { matrixMessages } from '../../src/render/matrix.ts';
import { answerOf, numbered } from './answers.ts';
import { pageOf } from './page.ts';
import { random } from './random.ts';

const bytes = (value: unknown) => Buffer.byteLength(JSON.stringify(value));

function sections(count: number, letters: number, fold = true): Answer['sections'] {
	return Array.from({ length: count }, (_, at) => ({
		title: `Step ${at + 1}`,
		fold,
		markdown: `begin${at + 1} ${'word '.repeat(letters / 5)}end${at + 1}`,
	}));
}

function answer(given: Partial<Answer>): Answer {
	return { value: {}, title: 'Plan: 1.56 → 1.69', lead: 'Eleven steps.', sections: [], kind: 'answer', ...given };
}

test('splits any answer at any limit in order, without loss, and well formed', () => {
	const outcomes = { one: 0, brief: 0, two: 0, within: 0, summary: 0 };
	for (let seed = 1; seed <= 400; seed++) {
		const chance = random(seed);
		const size = { sections: chance.one([1, 4, 24]), blocks: chance.one([2, 6, 16]), words: chance.one([10, 40]) };
		const { answer, title, words } = answerOf(chance, size);
		const [undivided] = matrixMessages(answer, { limit: Number.POSITIVE_INFINITY }).contents;
		const limit = Math.max(
			2000,
			Math.round(bytes(undivided) * chance.one([0.2, 0.35, 0.45, 0.5, 0.6, 0.7, 0.8, 0.9, 1.05])) + 1000,
		);
		const { contents, files } = matrixMessages(answer, { limit });
		// The sender adds another thousand bytes.
		for (const content of contents) expect(bytes(content)).toBeLessThanOrEqual(limit - 1000);
		const pages = contents.map(content => pageOf(content.formatted_body));
		const bodies = contents.flatMap(content => numbered(content.body));
		const shown = pages.flatMap(page => numbered(page.text));
		expect(contents.length).toBeLessThanOrEqual(2);
		if (files.length) {
			outcomes.summary++;
			expect(contents).toHaveLength(1);
			expect(files).toHaveLength(1);
			expect(numbered(files[0]?.text ?? '')).toEqual(words);
			expect(contents[0]?.body).toContain(`\`${files[0]?.name}\``);
			// The message keeps the order too, and is the same in both forms.
			expect(bodies).toEqual(shown);
			expect(shown).toEqual(words.filter(word => shown.includes(word)));
			const titles = answer.sections.filter(section => !section.fold).map(section => numbered(section.title)[0]);
			const missing = titles.filter(word => word && !shown.includes(word));
			if (missing.length) expect(contents[0]?.body).toMatch(/and \d+ more|…\n/);
		} else {
			// A split section has its title in both parts.
			const again = pages[1]?.text.includes('(continued)') ? 1 : 0;
			const once = (all: string[]) => all.filter((word, at) => all.indexOf(word) === at);
			expect(shown.length).toBe(words.length + again);
			expect(once(shown)).toEqual(words);
			// A body has either everything, or only the titles of folds.
			const open = answer.sections.flatMap(section =>
				numbered(section.fold ? section.title : section.title + section.markdown),
			);
			const brief = bodies.length < words.length;
			expect(once(bodies)).toEqual(brief ? [...numbered(answer.lead), ...open] : words);
			expect(
				pages
					.map(page => page.text)
					.join()
					.match(/titleword/g) ?? [],
			).toHaveLength(title.length * contents.length);
			outcomes[contents.length === 1 ? (brief ? 'brief' : 'one') : again ? 'within' : 'two']++;
		}
	}
	for (const count of Object.values(outcomes)) expect(count).toBeGreaterThan(20);
});

test('splits between sections, and gives the second message its own title and no mentions', () => {
	const { contents, files } = matrixMessages(answer({ sections: sections(20, 3400), mention: ['@a:b.example'] }));
	expect(files).toEqual([]);
	expect(contents).toHaveLength(2);
	const [first, second] = contents.map(content => pageOf(content.formatted_body).inside('summary'));
	expect([...(first ?? []), ...(second ?? [])]).toEqual(sections(20, 0).map(section => section.title));
	expect(first?.length).toBeGreaterThan(second?.length ?? 0);
	expect(contents[0]?.body).toMatch(/^Eleven steps\.\n\nPlan: 1\.56 → 1\.69\n\nStep 1\n/);
	expect(contents[1]?.body).toMatch(/^Plan: 1\.56 → 1\.69, part 2 of 2\n\nStep \d+\n/);
	expect(contents[1]?.formatted_body).toMatch(/^<h3>Plan: 1\.56 → 1\.69, part 2 of 2<\/h3><details>/);
	expect(contents.map(content => content['m.mentions'])).toEqual([{ user_ids: ['@a:b.example'] }, {}]);
});

test('keeps an answer in one message by leaving only fold titles in the body', () => {
	const open = { title: 'Risks', fold: false, markdown: 'A danger.' };
	const { contents } = matrixMessages(answer({ sections: [open, ...sections(20, 1700)] }));
	expect(contents).toHaveLength(1);
	const titles = sections(20, 0).map(section => section.title);
	expect(contents[0]?.body).toBe(['Eleven steps.', 'Plan: 1.56 → 1.69', 'Risks\nA danger.', ...titles].join('\n\n'));
	expect(pageOf(contents[0]?.formatted_body ?? '').inside('summary')).toEqual(titles);
	expect(contents[0]?.formatted_body).toContain('end20');
});

test('says what the second message is if it has no title', () => {
	const { title: _, ...untitled } = answer({ sections: sections(20, 3400) });
	expect(matrixMessages(untitled).contents[1]?.body).toMatch(/^Part 2 of 2\n\n/);
});

test('moves a section whole into the second message if it fits', () => {
	const { contents } = matrixMessages(answer({ sections: [...sections(1, 10_000), ...sections(1, 38_000)] }));
	expect(contents.map(content => content.formatted_body.length > 30_000)).toEqual([false, true]);
	expect(contents[1]?.body).not.toContain('(continued)');
});

test('splits a section that does not fit into a message between blocks, keeps code whole, and continues the numbering', () => {
	const code = `\`\`\`bash\n${'echo "a line of code"\n'.repeat(100)}\`\`\``;
	const list = Array.from({ length: 30 }, (_, at) => `${at + 1}. item${at + 1} ${'word '.repeat(100)}`).join('\n');
	const section = { title: 'All', mark: '🔴', fold: true, markdown: `${code}\n\n${list}\n\n${code}` };
	const { contents, files } = matrixMessages(answer({ sections: [section] }), { limit: 14_000 });
	expect(files).toEqual([]);
	const [first, second] = contents.map(content => pageOf(content.formatted_body));
	expect(first?.inside('summary')).toEqual(['🔴 All']);
	expect(second?.inside('summary')).toEqual(['🔴 All (continued)']);
	const items = [first?.inside('li') ?? [], second?.inside('li') ?? []];
	expect(items.flat().map(item => item.split(' ')[0])).toEqual(Array.from({ length: 30 }, (_, at) => `item${at + 1}`));
	expect(items[1]?.length).toBeGreaterThan(0);
	expect(contents[1]?.formatted_body).toContain(`<ol start="${(items[0]?.length ?? 0) + 1}">`);
	for (const page of [first, second]) expect(page?.inside('pre')).toEqual(['echo "a line of code"\n'.repeat(100)]);
	for (const page of [first, second]) expect(page?.tags.filter(tag => tag === 'ol')).toHaveLength(1);
});

test('keeps two adjacent lists apart when it splits their section', () => {
	const items = Array.from({ length: 20 }, (_, at) => `item${at} ${'word '.repeat(100)}`);
	const markdown = `- one\n- two\n\n${items.map((item, at) => `${at + 1}. ${item}`).join('\n')}\n\n- three\n\n* four`;
	const { contents } = matrixMessages(answer({ sections: [{ title: 'All', fold: false, markdown }] }), {
		limit: 18_000,
	});
	const pages = contents.map(content => pageOf(content.formatted_body));
	expect(pages.map(page => page.tags.filter(tag => tag === 'ul' || tag === 'ol'))).toEqual([
		['ul', 'ol'],
		['ol', 'ul', 'ul'],
	]);
	expect(pages.flatMap(page => page.inside('li').map(item => item.split(' ')[0]))).toEqual([
		'one',
		'two',
		...items.map((_, at) => `item${at}`),
		'three',
		'four',
	]);
});

test('sends the lead, the open sections and a file with everything instead of three messages', () => {
	const { contents, files } = matrixMessages(
		answer({ sections: [...sections(60, 2000), { title: 'No way back', mark: '🔴', fold: false, markdown: 'Stop.' }] }),
	);
	expect(contents.map(({ body }) => body)).toEqual([
		'Eleven steps.\n\nPlan: 1.56 → 1.69\n\n🔴 No way back\nStop.\n\nThe full answer is in the file `plan-1.56-1.69.md`.',
	]);
	expect(files.map(({ name, type }) => ({ name, type }))).toEqual([
		{ name: 'plan-1.56-1.69.md', type: 'text/markdown' },
	]);
	expect(files[0]?.text).toMatch(/^# Plan: 1\.56 → 1\.69\n\nEleven steps\.\n\n## Step 1\n\nbegin1 word/);
	expect(files[0]?.text).toMatch(/end60\n\n## 🔴 No way back\n\nStop\.\n$/);
	const forgot = answer({ lead: 'Eleven\x1b \u202Esteps', sections: sections(60, 2000) });
	expect(matrixMessages(forgot).files[0]?.text).toMatch(/^# Plan: 1\.56 → 1\.69\n\nEleven\uFFFD \uFFFDsteps\n/);
});

test('lists titles if the open sections are too long, as many as fit, and counts the rest', () => {
	const titles = (count: number, letters: number) => {
		const { contents } = matrixMessages(answer({ sections: sections(count, letters, false) }));
		expect(contents).toHaveLength(1);
		return contents[0]?.body ?? '';
	};
	expect(titles(60, 2000)).toMatch(
		/\n- Step 1\n(- .*\n)+- Step 60\n\nThe full answer is in the file `plan-1\.56-1\.69\.md`\.$/,
	);
	const many = titles(3000, 50);
	const shown = Number(/- Step (\d+)\n- and (\d+) more\n/.exec(many)?.[1]);
	expect(Number(/and (\d+) more/.exec(many)?.[1])).toBe(3000 - shown);
	expect(shown).toBeGreaterThan(500);
});

test('cuts a lead that does not fit into a message, and puts all of it into the file', () => {
	const lead = `Begin ${'w'.repeat(100_000)}`;
	const { contents, files } = matrixMessages(answer({ lead }));
	expect(contents).toHaveLength(1);
	expect(bytes(contents[0])).toBeLessThanOrEqual(44_000);
	expect(bytes(contents[0])).toBeGreaterThan(43_000);
	expect(contents[0]?.body).toMatch(/^Begin w+…\n\nThe full answer is in the file/);
	expect(files[0]?.text).toContain(lead);
});

test('does not lose a title that does not fit into a message', () => {
	const title = 't'.repeat(100_000);
	for (const given of [{ title }, { sections: [{ title, fold: true, markdown: '' }] }]) {
		const { contents, files } = matrixMessages(answer(given));
		for (const content of contents) expect(bytes(content)).toBeLessThanOrEqual(44_000);
		expect(files[0]?.text).toContain(title);
	}
});

test("always sends an answer's files, and creates no second file with the full answer", () => {
	const script = { name: 'move.sh', type: 'text/x-shellscript', text: 'ls\n' };
	const whole = { name: 'plan-1.56-1.69.md', type: 'text/markdown', text: '# Plan' };
	expect(matrixMessages(answer({ files: [script] })).files).toEqual([script]);
	const long = answer({ sections: sections(60, 2000), files: [script, whole] });
	expect(matrixMessages(long).files).toEqual([script, whole]);
	expect(matrixMessages({ ...long, files: [script] }).files.map(({ name }) => name)).toEqual([script.name, whole.name]);
});

test("derives a file's name from the title, valid on every system", () => {
	const name = (title: string) => {
		return matrixMessages({ ...answer({ sections: sections(60, 2000) }), title }).files[0]?.name;
	};
	expect(name('Plan: 1.56 → 1.69')).toBe('plan-1.56-1.69.md');
	expect(name('../../etc/`passwd`\u202e')).toBe('etc-passwd.md');
	expect(name('…')).toBe('answer.md');
	expect(name('x'.repeat(500))).toBe(`${'x'.repeat(60)}.md`);
});
