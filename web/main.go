// Command mandat is the panel and its operator's commands.
//
//	mandat serve            the panel; on an embedded database it also does the work
//	mandat work             the background work, on a PostgreSQL that others serve
//	mandat migrate          brings the database's schema up to date
//	mandat customer|service|agent|identity …, mandat directory load FILE.csv
//	mandat history …        verifies and exports the history, and signs checkpoints of it
//
// Settings come from the environment: config.go holds them all, and
// `mandat --help` prints them.
//
// # Why the panel migrates an embedded database and not a PostgreSQL
//
// The embedded file belongs to one process, which may as well bring it up to
// date when it starts. On PostgreSQL several versions run side by side during
// an upgrade, so the schema changes when the operator says so, once, by
// `mandat migrate`; a panel that finds it too old says that and stops. Where
// that is one step too many (a single container), MANDAT_MIGRATE=1 does both.
package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	_ "time/tzdata" // small systems come without

	"github.com/alecthomas/kong"

	"example.org/mandat/models/history"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	go func() { // the second signal ends the program at once
		<-ctx.Done()
		stop()
	}()
	os.Exit(run(ctx, os.Args[1:], os.Getenv, os.Stdin, os.Stdout, os.Stderr))
}

// Exit statuses.
const (
	exitFailed = 1
	exitUsage  = 2
)

type commands struct {
	Serve    serveCommand   `cmd:"" help:"Run the panel."`
	Work     workCommand    `cmd:"" help:"Do the background work of panels on PostgreSQL."`
	Migrate  migrateCommand `cmd:"" help:"Bring the database's schema up to date."`
	Demo     demoCommand    `cmd:"" help:"Load the demo world into an empty database."`
	Doctor   doctorCommand  `cmd:"" help:"Look at the database and the mail servers, and say what is wrong and what to do about it."`
	Routes   routesCommand  `cmd:"" help:"List the routes and who may come in."`
	Customer struct {
		Add   customerAddCommand   `cmd:"" help:"Add a customer."`
		Link  customerLinkCommand  `cmd:"" help:"Print a one-time link with which a customer sets a password."`
		Email customerEmailCommand `cmd:"" help:"Change where a customer is reached, at once."`

		Disable customerDisableCommand `cmd:"" help:"Shut a customer out at once: signed out everywhere, and no way to sign in. Their mail and their grants stay."`
		Enable  customerEnableCommand  `cmd:"" help:"Let a disabled customer sign in again."`
		SignOut customerSignOutCommand `cmd:"" help:"End every session of a customer, or of all customers, at once."`

		ResetFactors customerResetFactorsCommand `cmd:"" help:"Take away all second factors of a customer who has lost them, and sign them out."`
	} `cmd:"" help:"Customers."`
	Service struct {
		Add     serviceAddCommand     `cmd:"" help:"Add the e-mail service of a domain."`
		Set     serviceSetCommand     `cmd:"" help:"Change the limits of a service."`
		Suspend serviceSuspendCommand `cmd:"" help:"Let everything of a service be read and nothing be changed."`
		Resume  serviceResumeCommand  `cmd:"" help:"Let a suspended service be changed again."`
	} `cmd:"" help:"E-mail services."`
	Agent struct {
		Add    agentAddCommand    `cmd:"" help:"Add a support agent."`
		Link   agentLinkCommand   `cmd:"" help:"Print a one-time link with which a support agent sets a password."`
		Set    agentSetCommand    `cmd:"" help:"Make an agent a lead, or a lead an agent; or say which account as a customer is theirs."`
		Remove agentRemoveCommand `cmd:"" help:"Remove a support agent, at once."`

		SignOut      agentSignOutCommand      `cmd:"" help:"End every session of a support agent, or of all of them, and what they do for customers, at once."`
		ResetFactors agentResetFactorsCommand `cmd:"" help:"Take away all second factors of a support agent who has lost them, and sign them out."`
	} `cmd:"" help:"Support agents."`
	Assistance struct {
		Stop assistanceStopCommand `cmd:"" help:"End what support is doing for customers, at once, until customers let it in again."`
	} `cmd:"" help:"Support acting for customers."`
	Identity struct {
		Link   identityLinkCommand   `cmd:"" help:"Link a customer or an agent with what a provider of OpenID Connect knows."`
		Unlink identityUnlinkCommand `cmd:"" help:"End that link, and the sessions that began by it."`
	} `cmd:"" help:"Signing in with a provider of OpenID Connect."`
	Directory struct {
		Load directoryLoadCommand `cmd:"" help:"Load customers, services and accounts from a file."`
	} `cmd:"" help:"What was run elsewhere."`
	Secret struct {
		Rotate secretRotateCommand `cmd:"" help:"Encrypt with MANDAT_SECRET what is under MANDAT_SECRET_OLD still. It can be stopped, and goes on where it was."`
	} `cmd:"" help:"The key of what is encrypted in the database."`
	Mail struct {
		Configure mailConfigureCommand `cmd:"" help:"Write the configuration with which Postfix and Dovecot obey the panel."`
		Detach    mailDetachCommand    `cmd:"" help:"Say that no mail server reads the database any more."`
	} `cmd:"" help:"The mail servers."`

	History struct {
		Verify     historyVerifyCommand     `cmd:"" help:"Verify that no line of the history was altered, added or taken away."`
		Export     historyExportCommand     `cmd:"" help:"Write the history as lines of JSON that can be verified elsewhere."`
		Checkpoint historyCheckpointCommand `cmd:"" help:"Write a signed checkpoint of the history, to be kept where the database's owner cannot change it."`
	} `cmd:"" help:"The history, and whether it is as it was written."`

	Version kong.VersionFlag `help:"Print the version."`
}

// program is what a command works with.
type program struct {
	ctx      context.Context
	config   *config
	log      *slog.Logger
	security *slog.Logger // whatever the level of log
	in       io.Reader
	out, err io.Writer

	checkpoints *history.Directory // where the store that serves writes them; nil: nowhere
}

// run is the program without its process; it returns the exit status. ctx ends
// with the first signal.
func run(ctx context.Context, args []string, getenv func(string) string, in io.Reader, out, errors io.Writer) int {
	exited := -1
	parser, err := kong.New(&commands{},
		kong.Name("mandat"), kong.Description("Mandat hands over the management of e-mail addresses without handing over a password."),
		kong.Help(help), kong.Vars{"version": "mandat " + version()}, kong.Writers(out, errors), kong.Exit(func(code int) { exited = code }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100}))
	if err != nil {
		panic(err) // the structs above are wrong
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	command, err := parser.Parse(args)
	if exited >= 0 { // --help and --version have said all
		return exited
	}
	if err != nil {
		fmt.Fprintf(errors, "mandat: %v\n`mandat --help` tells more.\n", err)
		return exitUsage
	}
	cfg, err := readConfig(getenv)
	if err != nil {
		fmt.Fprintf(errors, "mandat: these settings cannot be used:\n%v\n", err)
		return exitUsage
	}
	p := &program{ctx: ctx, config: cfg, in: in, out: out, err: errors}
	p.log, p.security = newLoggers(cfg, errors)
	if err := command.Run(p); err != nil {
		fmt.Fprintf(errors, "mandat: %s\n", explain(err))
		return exitFailed
	}
	return 0
}

// help adds the settings to the help of the program as a whole, and of serve.
func help(options kong.HelpOptions, ctx *kong.Context) error {
	if err := kong.DefaultHelpPrinter(options, ctx); err != nil || ctx.Selected() != nil && ctx.Selected().Name != "serve" {
		return err
	}
	_, err := fmt.Fprint(ctx.Stdout, "\n", settingsHelp())
	return err
}

// version is the version of the module, or the commit that was built.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	return info.Main.Version
}

// newLoggers write to w, which is usually standard error: the log from its level
// on, and what is about security whatever that is, marked as such.
func newLoggers(c *config, w io.Writer) (log, security *slog.Logger) {
	options := &slog.HandlerOptions{Level: slog.LevelDebug}
	var all slog.Handler = slog.NewTextHandler(w, options)
	if c.logFormat == "json" || c.logFormat == "" && !terminal(w) {
		all = slog.NewJSONHandler(w, options)
	}
	return slog.New(from{all, c.logLevel}), slog.New(all).With("security", true)
}

// from is a handler that takes what is of a level or above.
type from struct {
	slog.Handler
	least slog.Level
}

// Enabled is [slog.Handler].
func (f from) Enabled(_ context.Context, level slog.Level) bool { return level >= f.least }

// WithAttrs is [slog.Handler].
func (f from) WithAttrs(attrs []slog.Attr) slog.Handler {
	return from{f.Handler.WithAttrs(attrs), f.least}
}

// WithGroup is [slog.Handler].
func (f from) WithGroup(name string) slog.Handler { return from{f.Handler.WithGroup(name), f.least} }

func terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
