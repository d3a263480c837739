//! Job and CronJob.

mod cron_job;
mod job;
mod policy;
