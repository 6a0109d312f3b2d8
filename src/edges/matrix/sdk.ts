// matrix-bot-sdk, loaded.
import { createRequire } from 'node:module';

// It is CommonJS: required, its 200 files need not be looked through for names as an import would.
export const sdk: typeof import('matrix-bot-sdk') = createRequire(import.meta.url)('matrix-bot-sdk');
