//! CronJobs as rows.

use super::{Cell, Column, age_of, format};
use crate::api::meta::MetaExt;
use crate::sim::SimTime;
use k8s_openapi::api::batch::v1::CronJob;

pub(super) const COLUMNS: &[Column] = &[
    Column::name(),
    Column::text("Schedule"),
    Column::text("Timezone"),
    Column::truth("Suspend"),
    Column::number("Active"),
    Column::text("Last Schedule"),
    Column::text("Age"),
    Column::text("Containers").wide(),
    Column::text("Images").wide(),
    Column::text("Selector").wide(),
];

pub(super) fn cells(job: &CronJob, now: SimTime) -> Vec<Cell> {
    let (spec, status) = (&job.spec, job.status.as_ref());
    let zone = spec.time_zone.clone();
    let suspend = spec.suspend.map(|yes| match yes {
        true => "True",
        false => "False",
    });
    let active = status.and_then(|status| status.active.as_ref());
    let last = status.and_then(|status| status.last_schedule_time.as_ref());
    let template = spec.job_template.spec.as_ref();
    let (names, images) = format::template(template.map(|job| &job.template));
    vec![
        Cell::text(job.name()),
        Cell::text(spec.schedule.clone()),
        Cell::Text(zone.unwrap_or("<none>".to_owned())),
        Cell::text(suspend.unwrap_or("<unset>")),
        Cell::count(active.map_or(0, Vec::len)),
        Cell::Text(last.map_or("<none>".to_owned(), |at| format::age(Some(at), now))),
        age_of(&job.metadata, now),
        Cell::Text(names),
        Cell::Text(images),
        Cell::Text(format::format_selector(
            template.and_then(|job| job.selector.as_ref()),
        )),
    ]
}
