// A certificate authority for tests: X.509 certificates written byte by byte, signed by node:crypto.
import { generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';

export type Certificate = { key: string; cert: string };

export type Authority = {
	/** PEM */
	certificate: string;
	/**
	 * A certificate for these names and addresses. `days`: when its validity begins and ends, counted from now;
	 * `chain`: whether intermediate authorities are included; `subject`: its common name.
	 */
	issue: (
		names: readonly string[],
		more?: { days?: [number, number]; chain?: boolean; subject?: string; selfSigned?: boolean },
	) => Certificate;
	/** An intermediate authority below this one. */
	below: () => Authority;
};

const day = 24 * 3600 * 1000;

type Issuer = { name: string; key: KeyObject; chain: string };

export function openAuthority(name = 'Played Authority', parent?: Issuer): Authority {
	const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
	const certificate = certificateOf({
		subject: name,
		issuer: parent?.name ?? name,
		days: [-3650, 3650],
		publicKey,
		signingKey: parent?.key ?? privateKey,
		extensions: [extension('551d13', true, der(0x30, der(0x01, Buffer.from([0xff]))))],
	});
	const own: Issuer = { name, key: privateKey, chain: parent ? certificate + parent.chain : '' };
	return {
		certificate,
		below: () => openAuthority(`${name}, below`, own),
		issue(names, { days = [-1, 30], chain = true, subject = names[0] ?? 'nobody', selfSigned = false } = {}) {
			const keys = generateKeyPairSync('ec', { namedCurve: 'P-256' });
			const cert = certificateOf({
				subject,
				issuer: selfSigned ? subject : name,
				days,
				publicKey: keys.publicKey,
				signingKey: selfSigned ? keys.privateKey : privateKey,
				extensions: [extension('551d11', false, der(0x30, ...names.map(alternative)))],
			});
			const key = keys.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
			return { key, cert: chain ? cert + own.chain : cert };
		},
	};
}

type Told = {
	subject: string;
	issuer: string;
	days: readonly number[];
	publicKey: KeyObject;
	signingKey: KeyObject;
	extensions: Buffer[];
};

/** ecdsa-with-SHA256 */
const algorithm = der(0x30, der(0x06, Buffer.from('2a8648ce3d040302', 'hex')));

function certificateOf({ subject, issuer, days, publicKey, signingKey, extensions }: Told): string {
	const serial = randomBytes(9);
	serial[0] = 1;
	const body = der(
		0x30,
		der(0xa0, der(0x02, Buffer.from([2]))),
		der(0x02, serial),
		algorithm,
		distinguished(issuer),
		der(0x30, ...days.map(count => time(new Date(Date.now() + count * day)))),
		distinguished(subject),
		publicKey.export({ type: 'spki', format: 'der' }),
		der(0xa3, der(0x30, ...extensions)),
	);
	const signature = sign('sha256', body, signingKey);
	const whole = der(0x30, body, algorithm, der(0x03, Buffer.from([0]), signature)).toString('base64');
	return `-----BEGIN CERTIFICATE-----\n${whole.match(/.{1,64}/g)?.join('\n')}\n-----END CERTIFICATE-----\n`;
}

function der(tag: number, ...parts: Buffer[]): Buffer {
	const content = Buffer.concat(parts);
	const { length } = content;
	if (length < 128) return Buffer.concat([Buffer.from([tag, length]), content]);
	const digits = Buffer.from(length.toString(16).padStart(length > 0xffff ? 6 : length > 0xff ? 4 : 2, '0'), 'hex');
	return Buffer.concat([Buffer.from([tag, 0x80 | digits.length]), digits, content]);
}

/** A distinguished name that consists of a common name. */
function distinguished(name: string): Buffer {
	const type = der(0x06, Buffer.from('550403', 'hex'));
	return der(0x30, der(0x31, der(0x30, type, der(0x0c, Buffer.from(name)))));
}

function time(date: Date): Buffer {
	const text = `${date.toISOString().replace(/[-:T]|\.\d+Z$/g, '')}Z`;
	return der(0x18, Buffer.from(text));
}

function extension(oid: string, critical: boolean, value: Buffer): Buffer {
	const parts = [der(0x06, Buffer.from(oid, 'hex'))];
	if (critical) parts.push(der(0x01, Buffer.from([0xff])));
	return der(0x30, ...parts, der(0x04, value));
}

function alternative(name: string): Buffer {
	if (/^\d+(\.\d+){3}$/.test(name)) return der(0x87, Buffer.from(name.split('.').map(Number)));
	return der(0x82, Buffer.from(name));
}
