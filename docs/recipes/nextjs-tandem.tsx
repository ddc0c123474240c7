"use client";
// In app/layout.tsx, inside <body>: <TandemPages />. Elsewhere: report((tandem) => tandem.track("AddToCart", { … })).

import { usePathname } from "next/navigation";
import { useEffect, useRef } from "react";
import type { Tandem } from "tandem-web";

const OPTIONS = { endpoint: "https://track.shop.example", pixelId: "123456789012345", currency: "INR" };
// The Tandem server's copy. The bundler leaves the address alone.
const PACKAGE = "https://track.shop.example/web/index.js";

let connection: Promise<Tandem> | undefined;
function connect(): Promise<Tandem> {
  connection ??= import(/* webpackIgnore: true */ /* turbopackIgnore: true */ PACKAGE)
    .then((loaded: typeof import("tandem-web")) => loaded.Tandem.connect(OPTIONS));
  return connection;
}

/** Calls Tandem in the browser. An error of Tandem never reaches the shop. */
export async function report<T>(call: (tandem: Tandem) => Promise<T>): Promise<T | undefined> {
  try {
    return await call(await connect());
  } catch (error) {
    console.warn("not reported:", error);
    return undefined;
  }
}

/** Connects, and reports a PageView for each new route. The first page is reported when Tandem connects. */
export function TandemPages(): null {
  const pathname = usePathname();
  const last = useRef(pathname);
  useEffect(() => { void connect().catch(console.warn); }, []);
  useEffect(() => {
    if (last.current === pathname) return;
    last.current = pathname;
    void report((tandem) => tandem.track("PageView"));
  }, [pathname]);
  return null;
}
