// Memoises per object and text, up to a limit.
import { expect, test } from 'vitest';
import { memo, memoByText } from '../../src/runtime/memo.ts';

test('computes once per object', () => {
	let made = 0;
	const size = memo((list: readonly string[]) => {
		made++;
		return list.length;
	});
	const list = ['a'];
	expect([size(list), size(list), size(['a', 'b'])]).toEqual([1, 1, 2]);
	expect(made).toBe(2);
});

test('computes once per object and text, even if undefined, and again after its limit was exceeded', () => {
	const remembered = memoByText<object, string | undefined>(2);
	const [one, other] = [{}, {}];
	const calls: string[] = [];
	const ask = (key: object, text: string) =>
		remembered(key, text, () => {
			calls.push(text);
			return text === 'none' ? undefined : text;
		});
	expect([ask(one, 'a'), ask(one, 'a'), ask(other, 'a'), ask(one, 'none'), ask(one, 'none')]).toEqual([
		'a',
		'a',
		'a',
		undefined,
		undefined,
	]);
	expect(calls).toEqual(['a', 'a', 'none']);
	ask(one, 'b');
	ask(one, 'a');
	expect(calls.slice(3)).toEqual(['b', 'a']);
});
