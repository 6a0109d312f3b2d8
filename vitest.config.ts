// How the tests run: a machine that is busy is no mistake of the code, so a bound of ten minutes only ends what hangs.
import { defineConfig } from 'vitest/config';

export default defineConfig({ test: { testTimeout: 600_000, hookTimeout: 600_000 } });
