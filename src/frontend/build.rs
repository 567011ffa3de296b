//! One request from beginning to end.

use std::{cell::RefCell, rc::Rc};

use futures_util::future::{join_all, try_join_all};

use crate::{
    diagnostic::{self, Diagnostic},
    fal,
    gateway::{self, Gateway, SolveRequest, SolveResult},
    golang::{self, stray},
    image,
    instruction::{self, Dockerfile},
    lint, llb,
    plan::{self, Plan, Scanner},
    proto::pb,
    reference::platform::{self, Platform},
    source::{Lines, Source},
    stage,
    subrequest::{self, Answer, Question},
    syntax::{self, ast},
};

use super::{
    Environment,
    context::{self, Ahead},
    epoch,
    error::{Error, Result},
    forward, images, key, layers, manifest,
    options::Options,
    repositories, requirements,
    resolve::Resolver,
    result::{self, Built},
    sbom, secrets,
    warnings::{self, Facts},
};

/// What this frontend can do beyond building, as clients ask for it in `frontend.caps`.
const CAPABILITIES: [&str; 4] = [
    "moby.buildkit.frontend.inputs",
    "moby.buildkit.frontend.subrequests",
    "moby.buildkit.frontend.contexts",
    "moby.buildkit.frontend.gitquerystring",
];

/// The answer to the request, or the status that says why there is none. `ahead` is what was asked for already.
pub(super) async fn answer(
    gateway: &impl Gateway,
    environment: &Environment,
    options: diagnostic::Result<Options>,
    ahead: Option<Ahead>,
) -> gateway::Result<SolveResult> {
    gateway
        .capabilities()
        .llb
        .require("file.base", "needs BuildKit 0.5 or later")?;
    let options = options.map_err(|error| Error::Mistake(error).into_status(None))?;
    let caps = check_capabilities(&options.capabilities)?;
    let ahead = match ahead {
        Some(ahead) => ahead,
        None => context::ask(gateway, &options, &environment.session).await,
    };
    let input = context::read(gateway, &options, environment, ahead)
        .await
        .map_err(|error| error.into_status(None))?;
    if let Some(result) = forward::forward(gateway, &options, &input).await? {
        return Ok(result);
    }
    if let Some(missing) = caps {
        return Err(missing);
    }
    let info = input.info.clone();
    let is_manifest = input.manifest.is_some();
    let status = |error: Error| match error.into_status(Some(&info)) {
        // Whoever handed the build on would attach the file itself.
        error if is_manifest && !error.is_located() => error.locate(&info, &[]),
        error => error,
    };
    let options = match &input.manifest {
        None => options,
        Some(manifest) => options
            .with_manifest(&manifest.build_args, !manifest.target_is_app)
            .map_err(|error| status(error.into()))?,
    };
    let overrides = manifest::overrides(input.manifest.as_ref());
    let job = Job {
        gateway,
        options: &options,
        environment,
        input,
        overrides,
        resolver: Resolver::new(gateway, &options, &environment.session),
        times: epoch::Times::default(),
        told: secrets::Told::default(),
        requirements: requirements::Read::default(),
        hidden: RefCell::default(),
        commits: repositories::Commits::default(),
        listings: key::Listings::default(),
        turns: repositories::Turns::default(),
    };
    // On the heap: all that may be asked is in it, and a thread's stack has no room for several of it.
    Box::pin(job.answer()).await.map_err(status)
}

/// Fails for a capability that this frontend does not have; one that may be forwarded for is given back instead.
fn check_capabilities(wanted: &str) -> gateway::Result<Option<gateway::Error>> {
    let mut missing = None;
    if wanted.is_empty() {
        return Ok(missing);
    }
    for wanted in wanted.split(',') {
        let name = wanted.split('+').next().unwrap_or_default();
        if CAPABILITIES.contains(&name) {
            continue;
        }
        let error = gateway::Error::unsupported_frontend_capability(name);
        match wanted.contains("+forward") {
            true => missing = Some(error),
            false => return Err(error),
        }
    }
    Ok(missing)
}

/// A request with everything that was read for it.
pub(super) struct Job<'a, G> {
    pub(super) gateway: &'a G,
    pub(super) options: &'a Options,
    pub(super) environment: &'a Environment,
    input: context::Input,
    /// What starts in the image whatever the Dockerfile says.
    overrides: plan::Overrides,
    /// What was asked already, for any platform.
    resolver: Resolver<'a, G>,
    times: epoch::Times,
    /// What was said of secrets.
    pub(super) told: secrets::Told,
    /// What requirements need, for all platforms.
    pub(super) requirements: requirements::Read,
    /// The lines that nobody is shown, as far as they were found.
    hidden: RefCell<Rc<lint::Hidden>>,
    /// What repositories are at.
    pub(super) commits: repositories::Commits,
    /// What contexts hold.
    pub(super) listings: key::Listings,
    /// Who fetches repositories for them.
    pub(super) turns: repositories::Turns,
}

impl<G: Gateway> Job<'_, G> {
    /// The Dockerfile, as errors and warnings carry it.
    pub(super) fn info(&self) -> &pb::SourceInfo {
        &self.input.info
    }

    /// The Dockerfile as it is read.
    pub(super) fn text(&self) -> &[u8] {
        &self.input.text
    }

    /// What starts in the image whatever the Dockerfile says.
    pub(super) fn overrides(&self) -> &plan::Overrides {
        &self.overrides
    }

    /// What was read.
    pub(super) fn input(&self) -> &context::Input {
        &self.input
    }

    /// The context that COPY reads, if there is one.
    pub(super) fn main(&self) -> Option<&plan::MainContext> {
        self.input.main().ok()
    }

    /// The lines that nobody is shown.
    pub(super) fn hidden(&self) -> Rc<lint::Hidden> {
        self.hidden.borrow().clone()
    }

    /// The ignore file that has a pattern, and the line.
    pub(super) fn ignore_line(&self, pattern: &str) -> Option<(&str, usize)> {
        let (name, bytes) = self.input.ignore.as_ref()?;
        let mut lines = bytes.split(|byte| *byte == b'\n');
        let has = |line: &[u8]| {
            golang::ignore::read_all(line).is_ok_and(|found| found.iter().any(|it| it == pattern))
        };
        Some((name, lines.position(has)? + 1))
    }

    async fn answer(&self) -> Result<SolveResult> {
        let Some(request) = self.options.request.as_deref() else {
            return self.build().await;
        };
        let question = subrequest::find(request)
            .ok_or_else(|| gateway::Error::unsupported_subrequest(request))?;
        let answer = match question {
            Question::Outline => self.outline().await?,
            Question::Targets => self.targets()?,
            Question::Lint => self.lint().await,
            Question::ConvertLlb => self.convert().await?,
            Question::Describe => subrequest::describe(self.is_for_fal()),
            Question::Key if self.is_for_fal() => self.key().await?,
            Question::Key => return Err(gateway::Error::unsupported_subrequest(request).into()),
        };
        Ok(result::of_answer(answer))
    }

    /// Builds every platform.
    async fn build(&self) -> Result<SolveResult> {
        let read = self.understand().await?;
        let platforms = self.platforms();
        // All are planned to the end: the mistake that ends the build may be found in another one before the first has told
        // what could be better in the file.
        let mut facts = Vec::new();
        facts.resize_with(platforms.len(), Facts::default);
        let plans = platforms
            .iter()
            .zip(&mut facts)
            .map(|(platform, facts)| self.plan(&read, *platform, false, facts));
        let (scanner, plans) = tokio::join!(sbom::find(self), join_all(plans));
        let found = facts
            .first()
            .map(|facts| self.found(&read, facts))
            .unwrap_or_default();
        let tell = warnings::tell(self, &read, &found);
        let ready = scanner.and_then(|scanner| Ok((scanner, sound(plans, &found, &read)?)));
        let (scanner, plans) = match ready {
            Ok(ready) => ready,
            Err(error) => {
                tell.await;
                return Err(error);
            }
        };
        let idle = secrets::idle(self, read.fal()?, &plans);
        let tell = async {
            tell.await;
            if let Some(idle) = idle {
                warnings::tell_one(self, &idle).await;
            }
        };
        let built = platforms
            .iter()
            .zip(plans)
            .zip(&facts)
            .map(|((platform, plan), facts)| {
                self.platform(&read, *platform, plan, facts, scanner.as_ref())
            });
        let ((), built) = tokio::join!(tell, try_join_all(built));
        Ok(result::of(built?, self.options.is_multi_platform))
    }

    /// The definition as it is before any step runs. What it is made of is read and asked for as for a build: the file, the requirements
    /// files that it names, what images and branches are now. As in docker/dockerfile, it is that of the daemon's own platform.
    async fn convert(&self) -> Result<Answer> {
        let read = self.understand().await?;
        let wanted = None;
        let mut facts = Facts::default();
        let plan = self.plan(&read, wanted, false, &mut facts).await;
        let found = self.told(&read, &facts).await;
        let mut plan = plan?;
        warnings::refuse(&found, &read)?;
        let fal = read.fal()?;
        if fal.adds_layers() {
            layers::add_all(self, fal, &mut plan).await?;
        }
        let definition = self.marshal(&plan, plan.output, wanted)?;
        Ok(subrequest::converted(&definition))
    }

    fn platforms(&self) -> Vec<Option<&Platform>> {
        match self.options.platforms.as_slice() {
            [] => vec![None],
            platforms => platforms.iter().map(Some).collect(),
        }
    }

    /// Whether anything is done beyond the Dockerfile.
    fn is_for_fal(&self) -> bool {
        let read = self.read();
        read.is_ok_and(|read| read.fal().is_ok_and(fal::Options::adds_layers))
    }

    /// What a build would give is called, for every platform.
    async fn key(&self) -> Result<Answer> {
        let read = self.understand().await?;
        let plans = self.platforms().into_iter().map(async |wanted| {
            let mut facts = Facts::default();
            let plan = self.plan(&read, wanted, false, &mut facts).await?;
            Ok::<_, Error>((wanted, plan, facts))
        });
        let mut builds = Vec::new();
        for planned in join_all(plans).await {
            let (wanted, mut plan, facts) = planned?;
            let helper = images::own(self, &mut plan.llb).await?;
            let curl = images::curl(self, read.fal()?, &plan).await?;
            let asked = key::ask(self, &read, &facts, &mut plan, helper, curl.as_ref()).await?;
            builds.push((wanted, plan, asked));
        }
        let listings = builds
            .iter()
            .map(|(wanted, plan, asked)| key::list(self, plan, asked, *wanted));
        let listings = join_all(listings).await;
        let mut keys = Vec::new();
        for ((_, plan, asked), listings) in builds.iter().zip(listings) {
            let platform = plan.platform.clone().normalize().format_all();
            keys.push((platform, key::answer(self, asked, &listings?).await?));
        }
        let (json, text) = fal::key::shown(&keys);
        Ok(subrequest::keyed(json, text))
    }

    /// What the target can be given.
    async fn outline(&self) -> Result<Answer> {
        let read = self.understand().await?;
        let mut facts = Facts::default();
        let planned = self.plan(&read, None, false, &mut facts).await;
        let found = self.told(&read, &facts).await;
        planned?;
        warnings::refuse(&found, &read)?;
        let fal = read.fal()?;
        let layers = fal.layers().into_iter();
        let layers: Vec<_> = requirements::shown(self, fal)
            .map(|description| ("requirements", description))
            .chain(layers)
            .map(|(name, description)| subrequest::Layer { name, description })
            .collect();
        Ok(subrequest::outline(&subrequest::Subject {
            layers: &layers,
            dockerfile: read.dockerfile()?,
            data: &self.input.info.data,
            stages: &facts.stages,
            plan: &facts.plan,
        }))
    }

    /// Which stages there are. The file is only read, so no other rule or option matters.
    fn targets(&self) -> Result<Answer> {
        let text = self.input.text.to_vec();
        let file = syntax::parse(&Source::new(&self.options.filename, text)).into_result()?;
        let data = &self.input.info.data;
        Ok(subrequest::targets(&instruction::read(&file)?, data))
    }

    /// What could be better in the file: in what the target needs, or in every stage if none is asked for.
    async fn lint(&self) -> Answer {
        let mut found = Vec::new();
        let error = self.look(&mut found).await.err();
        let (message, locations) = match &error {
            None => Default::default(),
            Some(Error::Mistake(mistake)) => {
                (mistake.sentence().into_owned(), mistake.locations.clone())
            }
            Some(Error::Refusal(refusal, lines)) => (refusal.message.clone(), lines.clone()),
        };
        let mistake = error.as_ref().map(|_| subrequest::Mistake {
            message: &message,
            locations: &locations,
        });
        subrequest::linted(&found, &self.input.info, mistake)
    }

    async fn look(&self, found: &mut Vec<lint::Warning>) -> Result<()> {
        let read = self.read()?;
        let mut facts = Facts::default();
        let all_stages = self.options.target.is_none();
        let planned = self.plan(&read, None, all_stages, &mut facts).await;
        *found = self.found(&read, &facts);
        planned?;
        requirements::check(self, &read)?;
        warnings::refuse(found, &read)
    }

    async fn platform(
        &self,
        read: &Read,
        wanted: Option<&Platform>,
        mut plan: Plan,
        facts: &Facts,
        scanner: Option<&Scanner>,
    ) -> Result<Built> {
        let fal = match read.fal()?.adds_layers() {
            false => None,
            true => Some(layers::add(self, read, facts, &mut plan, wanted).await?),
        };
        let (report, key, lock) = match fal {
            None => (None, None, None),
            Some(added) => (
                Some(added.report),
                added.key,
                added.lock.and_then(|lock| lock.to_toml().ok()),
            ),
        };
        let key = key.map(|key| key.digest());
        if let Some(key) = &key {
            let labels = &mut plan.image.config.labels;
            labels.insert(fal::key::LABEL.to_owned(), key.clone());
        }
        let definition = self
            .marshal(&plan, plan.output, wanted)
            .map_err(|error| error.context("failed to marshal LLB definition"))?;
        let request = SolveRequest {
            cache_imports: self.options.cache_imports.clone(),
            ..SolveRequest::definition(definition)
        };
        let solved = self.gateway.solve(request).await?;
        let platform = result::export_platform(
            wanted.cloned().unwrap_or_else(platform::default_spec),
            &plan.image.platform,
        );
        let sbom = match scanner {
            None => None,
            Some(scanner) => {
                Some(sbom::scan(self, scanner, &mut plan, wanted, &platform.id).await?)
            }
        };
        Ok(Built {
            reference: solved.reference().cloned(),
            image: config(&plan.image)?,
            base_image: plan.base_image.as_ref().map(config).transpose()?,
            epoch: plan.epoch,
            platform,
            sbom,
            report,
            key,
            lock,
        })
    }

    /// Reads the file. A mistake anywhere ends the build; what could be better before it is told.
    async fn understand(&self) -> Result<Read> {
        let read = self.read()?;
        let mistake = read.dockerfile().err().or(read.fal().err());
        let mistake = mistake.or_else(|| requirements::check(self, &read).err());
        match mistake {
            None => Ok(read),
            Some(mistake) => {
                self.told(&read, &Facts::default()).await;
                Err(mistake)
            }
        }
    }

    /// Reads the file; fails if there are no instructions in it.
    fn read(&self) -> Result<Read> {
        let data = &self.input.text;
        if data.is_empty() {
            return Err(Diagnostic::error("the Dockerfile cannot be empty").into());
        }
        let parsed = syntax::parse(&Source::new(&self.options.filename, data.to_vec()));
        let given = fal::Given {
            comments: &parsed.file.comments,
            manifest: self
                .input
                .manifest
                .as_ref()
                .map(|manifest| manifest.options.as_slice())
                .unwrap_or_default(),
            options: self.options.given(),
            build_arguments: &self.options.build_args,
            environment: &self.environment.defaults,
        };
        fal::requirements::refuse_written_credentials(&given, &self.options.filename)?;
        let lint = match &self.options.lint {
            Some(lint) => lint.clone(),
            None => lint::Config::of_file(data)?,
        };
        let fal = fal::read(&given);
        let diagnostics = parsed.diagnostics.clone();
        let file = parsed.into_result()?;
        let dockerfile = instruction::read(&file);
        let fal = fal.and_then(
            |fal| match fal.unsupported().filter(|_| fal.adds_layers()) {
                Some(missing) => Err(missing.into()),
                None => Ok(fal),
            },
        );
        Ok(Read {
            file,
            diagnostics,
            dockerfile,
            lint,
            fal,
        })
    }

    /// What could be better in the file, as far as it was planned.
    fn found(&self, read: &Read, facts: &Facts) -> Vec<lint::Warning> {
        let found = warnings::found(read, &self.input, facts);
        let hidden = lint::Hidden::new(&found, &self.input.info.data);
        *self.hidden.borrow_mut() = hidden.into();
        found
    }

    /// The same; whoever watches the build has been told.
    async fn told(&self, read: &Read, facts: &Facts) -> Vec<lint::Warning> {
        let found = self.found(read, facts);
        warnings::tell(self, read, &found).await;
        found
    }

    /// Plans one platform, asking for base images as they become known.
    async fn plan(
        &self,
        read: &Read,
        wanted: Option<&Platform>,
        all_stages: bool,
        facts: &mut Facts,
    ) -> Result<Plan> {
        let build_platform = self.environment.build_platform();
        let target_platform = wanted.unwrap_or(&build_platform);
        let dockerfile = read.dockerfile()?;
        read.fal()?;
        let plan_options = plan::Options {
            build_platforms: std::slice::from_ref(&build_platform),
            target_platform,
            is_platform_implicit: wanted.is_none(),
            is_multi_platform: self.options.is_multi_platform,
            resolve_mode: self.options.resolve_mode,
            session: &self.environment.session,
            contexts: &self.options.contexts,
            inputs: self.input.named_inputs(),
            input_metadata: &self.options.input_metadata,
            local_sessions: &self.options.local_sessions,
            shared_keys: &self.options.shared_keys,
            cache_mount_namespace: &self.options.cache_mount_namespace,
            no_cache: &self.options.no_cache,
            labels: &self.options.labels,
            run: &self.options.run,
            overrides: &self.overrides,
            capabilities: &|name| self.gateway.capabilities().llb.supports(name),
            file: &self.input.file,
        };
        let stage_options = stage::Options {
            target: self.options.target.as_deref(),
            build_args: &self.options.build_args,
            build_platform: &build_platform,
            target_platform,
            is_platform_implicit: wanted.is_none(),
            contexts: &self.options.contexts,
        };
        let escape = read.file.escape;
        let stages = &mut facts.stages;
        let arguments = stage::Arguments::read(dockerfile, escape, &stage_options, stages)?;
        let arguments = match arguments.asks_time_of() {
            None => arguments,
            Some(source) => {
                let main = self.input.main()?;
                let time = epoch::of(&self.resolver, &self.times, source, main, &plan_options);
                let time = time.await?;
                arguments.dated(time)
            }
        };
        let mut graph =
            stage::graph_with_arguments(dockerfile, escape, &stage_options, arguments, stages)?;
        graph.all_stages = all_stages;
        let bases = self.resolver.bases(graph, &plan_options, &mut facts.plan);
        let bases = bases
            .await
            .map_err(|error| self.with_credentials(read, error))?;
        Ok(plan::build_with_facts(
            bases,
            &plan_options,
            self.input.main()?,
            &mut facts.plan,
        )?)
    }

    /// Says what fal needs to pull an image that was refused.
    fn with_credentials(&self, read: &Read, error: Error) -> Error {
        let is_for_fal = read.fal().is_ok_and(fal::Options::adds_layers);
        let manifest = self.input.manifest.as_ref();
        let registries = manifest.map(|manifest| manifest.registries.as_slice());
        let help = match &error {
            Error::Refusal(refusal, _) if is_for_fal => {
                fal::registries::help(&refusal.message, registries.unwrap_or_default())
            }
            _ => None,
        };
        match help {
            Some(help) => error.help(&help),
            None => error,
        }
    }

    /// The definition of `output`, ready to be sent.
    pub(super) fn marshal(
        &self,
        plan: &Plan,
        output: llb::Input,
        wanted: Option<&Platform>,
    ) -> Result<llb::Definition> {
        let definition = self.marshal_graph(&plan.llb, output, wanted);
        plan.check(&definition)?;
        self.check_text(&definition)?;
        Ok(definition)
    }

    /// The definition of what is in a graph.
    pub(super) fn marshal_graph(
        &self,
        graph: &llb::Graph,
        output: llb::Input,
        wanted: Option<&Platform>,
    ) -> llb::Definition {
        let own = self.environment.build_platform();
        let platform = plan::op_platform(wanted.unwrap_or(&own));
        let capabilities = |name: &str| self.gateway.capabilities().llb.supports(name);
        let defaults = llb::Defaults {
            platform: &platform,
            capabilities: &capabilities,
        };
        llb::marshal(graph, output, &defaults)
    }

    /// Fails where bytes of the file that are no UTF-8 got into an op, which is text: protobuf could not carry them.
    fn check_text(&self, definition: &llb::Definition) -> Result<()> {
        if std::str::from_utf8(&self.input.text).is_ok() {
            return Ok(());
        }
        let Some(op) = definition.ops.iter().find(|op| stray::is_in(op)) else {
            return Ok(());
        };
        let error = Diagnostic::error("string field contains invalid UTF-8");
        Err(match definition.lines_of(&llb::digest(op)) {
            Some((first, last)) => error.at(Lines::new(first, last)),
            None => error,
        }
        .into())
    }
}

/// The plans, unless there is a mistake: a warning that is to be an error is one of the first platform's.
fn sound(plans: Vec<Result<Plan>>, found: &[lint::Warning], read: &Read) -> Result<Vec<Plan>> {
    let mut plans = plans.into_iter();
    let first = plans.next().transpose()?;
    warnings::refuse(found, read)?;
    first.into_iter().map(Ok).chain(plans).collect()
}

fn config(image: &image::Config) -> Result<Vec<u8>> {
    let json = image
        .to_json()
        .map_err(|why| Diagnostic::error(format!("failed to marshal image config: {why}")))?;
    Ok(json.into_bytes())
}

/// A file as it was read. What was not understood of it is known with the mistake, so that the rest can be looked at.
pub(super) struct Read {
    pub(super) file: ast::File,
    pub(super) diagnostics: Vec<Diagnostic>,
    dockerfile: diagnostic::Result<Dockerfile>,
    pub(super) lint: lint::Config,
    fal: diagnostic::Result<fal::Options>,
}

impl Read {
    pub(super) fn dockerfile(&self) -> Result<&Dockerfile> {
        self.dockerfile
            .as_ref()
            .map_err(|mistake| mistake.clone().into())
    }

    pub(super) fn fal(&self) -> Result<&fal::Options> {
        self.fal.as_ref().map_err(|mistake| mistake.clone().into())
    }
}
