// Stands in for libraries that matrix-bot-sdk loads but we do not use (sdk.ts).
'use strict';
module.exports = () => {
	throw new Error('this library is not loaded');
};
