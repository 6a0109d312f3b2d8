// Types for proxy-from-env, which has none.
declare module 'proxy-from-env' {
	export function getProxyForUrl(url: string): string;
}
