import { TandemError } from "tandem-web";

/** The text of an error for the visitor. */
export function messageOf(error: unknown): string {
  if (error instanceof TandemError) return error.fields.map(({ description }) => description).join(" ");
  return error instanceof Error ? error.message : String(error);
}

/** A form's error, if there is one. */
export function Mistake({ text }: { text: string }) {
  return text ? <p className="form-error" role="alert">{text}</p> : null;
}
