// Versions of the charts of Element Server Suite Community.

/** Negative if a is older than b. Compares numerically: `25.04.01` is older than `25.5.1`. */
export function compareCharts(a: string, b: string): number {
	const [x, y] = [a, b].map(chart => chart.split('.').map(Number));
	for (let at = 0; at < 3; at++) {
		const order = (x?.[at] ?? 0) - (y?.[at] ?? 0);
		if (order) return order;
	}
	return 0;
}
