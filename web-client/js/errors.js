// The one kind of error that a page gets to see.

/** A mistake that the page can correct. */
export class TandemError extends Error {
  constructor(code, message, fields) {
    super(message);
    this.name = "TandemError";
    this.code = code;
    this.fields = fields;
  }
}

/**
 * What the engine threw, for the page: [code, message, [[field, description]]], or something that
 * should not have happened.
 */
export const explained = (fault) => {
  if (fault instanceof TandemError) return fault;
  const [code, message, fields = []] = Array.isArray(fault) ? fault : ["INTERNAL", String(fault)];
  return new TandemError(code, message, fields.map(([field, description]) => ({ field, description })));
};
