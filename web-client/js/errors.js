// The only kind of error that a page gets.

/** A mistake that the page can correct. */
export class TandemError extends Error {
  constructor(code, message, fields) {
    super(message);
    this.name = "TandemError";
    this.code = code;
    this.fields = fields;
  }
}

/** The page's error for what the engine threw, or for anything unexpected, which becomes INTERNAL. */
export const toTandemError = (error) => {
  if (error instanceof TandemError) return error;
  const { code, message, fields } = error?.fields ? error : { code: "INTERNAL", message: String(error), fields: [] };
  return new TandemError(code, message, fields);
};
