/** Of the operator, as package.json has it. */
export const OPERATOR_VERSION = "0.1.0";
