import { expect, test } from 'vitest';
import { leave } from '../../commands/leave.ts';
import { usualLimits } from '../../src/advice/watch/subscription.ts';
import { Refusal } from '../../src/answer.ts';
import { asked } from '../asked.ts';

const said = (text: string, room = '!room') => leave.run({ ...asked(text), room }, { limits: usualLimits });

test('asks first, and leaves after yes', () => {
	expect(said('')).toMatchObject({ value: { left: false }, confirms: '!leave yes' });
	expect(said('yes')).toMatchObject({ value: { left: true }, afterwards: { leave: true } });
	expect(said('YES').value).toMatchObject({ left: true });
});

test.each(['no', 'example.org', 'yes please'])('refuses “%s”', text => expect(() => said(text)).toThrow(Refusal));

test('ends a terminal session without asking', () =>
	expect(said('', 'console')).toMatchObject({ value: { left: true }, lead: 'Goodbye.' }));
