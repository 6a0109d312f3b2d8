// JSON from strangers: nothing about its shape is assumed.

export type Json = Record<string, unknown>;

export function text(value: unknown): string | undefined {
	return typeof value === 'string' ? value : undefined;
}

export function record(value: unknown): Json {
	return isRecord(value) ? value : {};
}

export function isRecord(value: unknown): value is Json {
	return typeof value === 'object' && value !== null && !Array.isArray(value);
}
