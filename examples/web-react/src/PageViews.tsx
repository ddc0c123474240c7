import { useEffect, useRef } from "react";
import { useLocation } from "react-router";

import { report } from "./tandem";

/** Reports a PageView for each new route, on both sides under one ID. */
export function PageViews() {
  const { pathname } = useLocation();
  // The first page was reported when Tandem connected.
  const last = useRef(pathname);
  useEffect(() => {
    if (last.current === pathname) return;
    last.current = pathname;
    report((tandem) => tandem.track("PageView"));
  }, [pathname]);
  return null;
}
