// A real panic in the WebAssembly code, from which the machine's guard usually protects callers.
import { expect, test, vi } from 'vitest';
import { Attachment, DeviceId, isFatal, OlmMachine, onFatal, UserId } from '../../crypto/index.ts';
import { answer, wasm } from '../../crypto/wasm.ts';

test('a panic rejects the call, pending and later calls, and is reported once', async () => {
	vi.spyOn(console, 'error').mockImplementation(() => {});
	const heard: unknown[] = [];
	onFatal(error => heard.push(error));
	const machine = await OlmMachine.initialize(new UserId('@bot:example.org'), new DeviceId('BOT'));
	const raw = await wasm.OlmMachine.initialize(new wasm.UserId('@raw:example.org'), new wasm.DeviceId('RAW'));
	const waiting = answer(() => new Promise(() => {}));
	const panicking = answer(() => raw.encryptRoomEvent(new wasm.RoomId('!never:shared'), 'm.room.message', '{}'));
	const error = await panicking.catch(error => error);
	expect(error).toMatchObject({ code: 'CRYPTO_PANIC', message: /must be started again/ });
	expect(error.cause).toBeInstanceOf(WebAssembly.RuntimeError);
	expect(isFatal(error)).toBe(true);
	await expect(waiting).rejects.toBe(error);
	await expect(machine.outgoingRequests()).rejects.toBe(error);
	expect(() => Attachment.encrypt(new Uint8Array(1))).toThrow(error);
	await new Promise(setImmediate);
	expect(heard).toEqual([error]);
	await machine.close();
});
