// Matrix Authentication Service has its own releases, and people name it the way they name a distribution.
import { Refusal } from '../answer.ts';
import { code } from '../text/markdown.ts';

/**
 * Throws a Refusal if the words begin with `mas` and one of its versions. `example`: the same question about Synapse.
 */
export function refuseAuthenticationService(typed: readonly string[], example: string): void {
	if (/^mas$/i.test(typed[0] ?? '') && /^v?[01]\.(\d|1\d)(\.\d+)?$/.test(typed[1] ?? ''))
		throw new Refusal(
			`That is Matrix Authentication Service, whose releases I do not know; its notes are at https://github.com/element-hq/matrix-authentication-service/releases. For Synapse with it, give the versions first: ${code(example)}`,
		);
}
