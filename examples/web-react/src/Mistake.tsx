import type { InputHTMLAttributes } from "react";
import { TandemError } from "tandem-web";

/** Texts by the input's name. `""` is the form's own, about no single field. */
export type Mistakes = Record<string, string>;

/** The texts of an error for the visitor, each under the input that it is about. */
export function mistakesOf(error: unknown): Mistakes {
  if (!(error instanceof TandemError)) return { "": error instanceof Error ? error.message : String(error) };
  return Object.fromEntries(error.fields.map(({ field, description }) => [field.replace(/^user\./, ""), description]));
}

/** The form's own error, if there is one. */
export function Mistake({ text = "" }: { text?: string }) {
  return text ? <p className="form-error" role="alert">{text}</p> : null;
}

/** An input with its label, and its mistake under it. */
export function Field({ label, name, mistakes, ...input }: {
  label: string, name: string, mistakes: Mistakes,
} & InputHTMLAttributes<HTMLInputElement>) {
  const text = mistakes[name], id = `${name}-error`;
  return (
    <>
      <label>{label} <input name={name} aria-describedby={id} aria-invalid={text ? true : undefined} {...input} /></label>
      {text ? <p className="field-error" id={id}>{text}</p> : null}
    </>
  );
}
