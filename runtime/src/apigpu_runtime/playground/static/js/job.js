// The page of one job.

import { askJson } from "./api.js";
import { byId, page } from "./dom.js";
import { jobView } from "./job_view.js";
import { t } from "./words.js";

const view = jobView(byId("job"), { showLink: false });
view.busy(t("loading"));
try {
  view.follow(await askJson("GET", `/jobs/${encodeURIComponent(page.jobId)}`));
} catch (error) {
  view.refused(error);
}
