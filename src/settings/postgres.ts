// The configuration of a PostgreSQL database.
import { z } from 'zod';
import { certificate, filePath, type SettingsReader, secret } from './named-files.ts';

const scheme = /^postgres(ql)?:\/\/[^/]/;
const wanted = 'a URL like postgres://glia@db.example.org/glia, or its parts';
/** Without the text, which may contain the password. */
export const notUrl =
	'not a URL: in a password, write special characters as codes (# is %23, / is %2F, ? is %3F, @ is %40), or give it separately';

/** The URL's parameters about TLS, as in libpq. */
const tlsParameters = ['ssl', 'sslmode', 'sslcert', 'sslkey', 'sslrootcert', 'sslnegotiation', 'uselibpqcompat'];

/** A parameter that looks as if it were about TLS, but would be ignored, so that nothing would be encrypted. */
export function ignoredTls(url: string): string | undefined {
	if (!URL.canParse(url)) return undefined;
	return [...new URL(url).searchParams.keys()].find(
		name => /^(?:ssl|tls)/i.test(name) && !tlsParameters.includes(name),
	);
}

/** A URL, or its parts. In both forms the password can be given separately, so that it can be in a file. */
export const postgres = z.preprocess(
	given => (typeof given === 'string' ? { url: given } : given),
	z.strictObject({
		url: z
			.string()
			.regex(scheme, wanted)
			.refine(text => !scheme.test(text) || URL.canParse(text), notUrl)
			.refine(text => ignoredTls(text) === undefined, {
				error: ({ input }) => `there is no parameter ${ignoredTls(String(input))}; TLS needs sslmode=verify-full`,
			})
			.optional(),
		host: z.string().min(1).optional(),
		port: z.int().min(1).max(65535).optional(),
		database: z.string().min(1).optional(),
		user: z.string().min(1).optional(),
		password: z.string().min(1).optional(),
		passwordFile: filePath.optional(),
		schema: z
			.string()
			.regex(/^[a-z_][a-z0-9_]{0,62}$/, 'a schema name: lower-case letters, digits and _')
			.default('glia'),
		tls: z
			.strictObject({ authority: filePath.optional() })
			.optional()
			.describe('TLS; `authority` is a file with the certificate (PEM) of the authority to trust.'),
	}),
);

/** The address of the store's PostgreSQL database: a URL or its parts, and what a URL does not contain. */
export type PostgresAddress = {
	/** `postgres://user@host:port/database?sslmode=…` */
	url?: string;
	host?: string;
	port?: number;
	database?: string;
	user?: string;
	password?: string;
	/** If present, TLS is used. `authority`: PEM certificates to trust instead of the system's. */
	tls?: { authority?: string };
	schema: string;
};

/** The configured address; reports mistakes. */
export function addressOf(reader: SettingsReader, given: z.infer<typeof postgres>): PostgresAddress {
	const { password: inline, passwordFile: path, tls, ...rest } = given;
	const option = ['store', 'postgres'];
	const { host, port, database, user } = rest;
	if (rest.url !== undefined && [host, port, database, user].some(part => part !== undefined))
		reader.mistake([...option, 'url'], 'store.postgres: give either url or its parts, not both');
	if (rest.url === undefined && (host === undefined || database === undefined || user === undefined))
		reader.mistake(option, 'store.postgres: set host, database and user, or url');
	const password = secret(reader, 'store.postgres.password', { inline, path });
	const authority = tls?.authority;
	const trusted =
		authority === undefined ? {} : { authority: certificate(reader, [...option, 'tls', 'authority'], authority) };
	const parts = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined));
	return {
		...(parts as typeof rest & { schema: string }),
		...(password && { password }),
		...(tls && { tls: trusted }),
	} as PostgresAddress;
}
