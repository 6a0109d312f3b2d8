// The locations of a move: folders and PostgreSQL URLs. No refusal repeats a password.
import { expect, test } from 'vitest';
import { placesOf } from '../../src/app/store-places.ts';

const places = (from: string, to: string) => placesOf({ from, to }, {});

test.each(['postgres://glia@db.example.org/glia', 'postgresql://db/x?sslmode=verify-full', 'POSTGRES://db/x'])(
	'takes %s for a database',
	url => {
		expect(places('./data', url)).toEqual({ from: './data', to: { url, schema: 'glia' } });
	},
);

test.each([
	['postgres://glia:hun#ter2@db/glia', /^The PostgreSQL address is not a URL: in a password, /],
	['postgres://glia:hunter2@db:port/glia', /^The PostgreSQL address is not a URL: /],
	['postgres://glia:hunter2@', /^The PostgreSQL address is not a URL: /],
	['postgres://db/glia?sslmod=verify-full', /^The PostgreSQL address has no parameter sslmod; TLS needs /],
	['mysql://glia:hun@ter2@db/glia', /^mysql:\/\/…@db\/glia is neither a folder nor a PostgreSQL URL\.$/],
	['MySQL+ssl://glia:hunter2@db/glia', /^MySQL\+ssl:\/\/…@db\/glia is neither/],
])('refuses %s', (url, sentence) => {
	expect(() => places('./data', url)).toThrow(sentence);
	expect(() => places(url, './data')).not.toThrow(/hun|ter2/);
});
