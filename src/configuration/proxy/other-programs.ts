// Recognises files of other programs that people send along, so that they are not taken for Synapse's.

export type TextFile = { name: string; text: string };

/** The program whose file this is; undefined if it may be a configuration of Synapse's. */
export function otherProgramOf({ name, text }: TextFile): string | undefined {
	if (/^["']?(?:server_name|worker_app|worker_name|listeners|database|handlers)["']?\s*:/m.test(text)) return undefined;
	if (isCaddy(name, text)) return 'Caddy';
	if (
		/^[ \t]*(?:<(?:VirtualHost|Location|LocationMatch|Proxy|IfModule)\b|ProxyPass(?:Match|Reverse)?[ \t]+[/"^])/im.test(
			text,
		)
	)
		return 'Apache';
	if (isTraefik(text)) return 'Traefik';
	if (/^(?:(?:http )?protocol|relay|table)[ \t]+["<][\w.-]{1,100}[">]/m.test(text)) return 'relayd';
	if (/^services:[ \t]*$/m.test(text) && /^[ \t]+(?:image|build|container_name):/m.test(text)) return 'Docker Compose';
	return undefined;
}

function isCaddy(name: string, text: string): boolean {
	if (/(?:^|\/)Caddyfile(?:$|\.)/.test(name)) return true;
	return (
		/^[ \t]*reverse_proxy[ \t]+(?!:)[^\n:]/m.test(text) ||
		(/^\s*\{/.test(text) && /"apps"\s*:/.test(text) && /"handler"\s*:\s*"reverse_proxy"/.test(text))
	);
}

function isTraefik(text: string): boolean {
	return (
		/^(?:http|tcp):[ \t]*(?:\{[ \t]*)?(?:#.*)?\n\s*(?:#.*\n\s*)*["']?(?:routers|services|middlewares|serversTransports)["']?:/m.test(
			text,
		) ||
		/^(?:entryPoints|certificatesResolvers):/m.test(text) ||
		/^[ \t]*\[(?:http\.(?:routers|services|middlewares)|entryPoints|certificatesResolvers)[.\]]/m.test(text)
	);
}
