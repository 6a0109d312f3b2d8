// How the tests run: a machine that is busy is no mistake of the code, so a test ends late rather than by the clock.
import { defineConfig } from 'vitest/config';

export default defineConfig({ test: { testTimeout: 60_000, hookTimeout: 60_000 } });
