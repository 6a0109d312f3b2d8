// What matrix-bot-sdk gets instead of a library that we do not use of it (sdk.ts).
'use strict';
module.exports = () => {
	throw new Error('this library is not loaded');
};
