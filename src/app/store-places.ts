// The location of a store, from the command line or the configuration.
import { Refusal } from '../answer.ts';
import { readStore } from '../config.ts';
import { ignoredTls, notUrl } from '../settings/postgres.ts';
import type { StorePlace } from './move-store.ts';

type AskedPlaces = { from?: string; to?: string; config?: string };

/** Both locations; one that is not named comes from the configuration. Throws a Refusal. */
export function placesOf(asked: AskedPlaces, environment: Record<string, string | undefined>) {
	const store = asked.config === undefined ? undefined : readStore(asked.config, environment);
	const configured = store && (store.postgres ?? store.path);
	return { from: placeIn(asked.from, configured), to: placeIn(asked.to, configured) };
}

function placeIn(word: string | undefined, configured: StorePlace | undefined): StorePlace {
	// The configured address may have its password elsewhere.
	if (word === undefined || (typeof configured === 'object' && configured.url === word)) {
		if (configured === undefined) throw new Refusal('Name both locations, or a configuration that names one.');
		return configured;
	}
	if (/^postgres(ql)?:/i.test(word)) {
		if (!URL.canParse(word)) throw new Refusal(`The PostgreSQL address is ${notUrl}.`);
		const ignored = ignoredTls(word);
		if (ignored !== undefined)
			throw new Refusal(`The PostgreSQL address has no parameter ${ignored}; TLS needs sslmode=verify-full.`);
		return { url: word, schema: 'glia' };
	}
	// A login may be written in front of the host.
	if (/^[a-z][a-z+.-]*:\/\//i.test(word))
		throw new Refusal(`${word.replace(/:\/\/.*@/s, '://…@')} is neither a folder nor a PostgreSQL URL.`);
	return word;
}
