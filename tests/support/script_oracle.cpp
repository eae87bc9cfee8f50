// Verdicts on scripts by Bitcoin Core's own engine, the library of py-bitcoinkernel. Built by tests/support/script-oracle.ts.
//
// Its interface takes seven flags and tells good or bad. All flags and the error are at the function below it, VerifyScript,
// which the library calls by its symbol: the one of this program comes first, and passes other flags on.
//
// For each case on standard input (flags u32, transaction as length u32 and bytes, count u32 of spent outputs, each value i64,
// length u32, script) writes a line: for each input the text of its error, or "good", with tabs between.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <dlfcn.h>
#include <string>
#include <vector>

struct Opaque;
using Verify = bool (*)(const void*, const void*, const void*, uint64_t, const void*, int*);
static Verify verify_script;
static uint64_t flags;
static int error;

#define NAME "_Z12VerifyScriptRK7CScriptS1_PK14CScriptWitness19script_verify_flagsRK20BaseSignatureCheckerP13ScriptError_t"
extern "C" bool stand_in(const void*, const void*, const void*, uint64_t, const void*, int*) __asm__(NAME);
extern "C" bool stand_in(
    const void* sig, const void* pubkey, const void* witness, uint64_t, const void* checker, int*)
{
    return verify_script(sig, pubkey, witness, flags, checker, &error);
}

template <class T> static T symbol(void* library, const char* name)
{
    void* found = dlsym(library, name);
    if (!found) {
        fprintf(stderr, "no %s\n", name);
        exit(2);
    }
    return reinterpret_cast<T>(found);
}

static bool take(void* to, size_t length) { return fread(to, 1, length, stdin) == length; }
static std::vector<unsigned char> bytes()
{
    uint32_t length;
    if (!take(&length, 4)) exit(3);
    std::vector<unsigned char> got(length);
    if (length && !take(got.data(), length)) exit(3);
    return got;
}

int main(int, char** argv)
{
    void* library = dlopen(argv[1], RTLD_NOW);
    if (!library) {
        fprintf(stderr, "%s\n", dlerror());
        return 2;
    }
    verify_script = symbol<Verify>(library, NAME);
    auto text = symbol<std::string (*)(int)>(library, "_Z17ScriptErrorStringB5cxx1113ScriptError_t");
    auto tx_create = symbol<Opaque* (*)(const void*, size_t)>(library, "btck_transaction_create");
    auto tx_destroy = symbol<void (*)(Opaque*)>(library, "btck_transaction_destroy");
    auto script_create = symbol<Opaque* (*)(const void*, size_t)>(library, "btck_script_pubkey_create");
    auto script_destroy = symbol<void (*)(Opaque*)>(library, "btck_script_pubkey_destroy");
    auto output_create = symbol<Opaque* (*)(const Opaque*, int64_t)>(library, "btck_transaction_output_create");
    auto output_destroy = symbol<void (*)(Opaque*)>(library, "btck_transaction_output_destroy");
    auto data_create = symbol<Opaque* (*)(const Opaque*, const Opaque**, size_t)>(
        library, "btck_precomputed_transaction_data_create");
    auto data_destroy = symbol<void (*)(Opaque*)>(library, "btck_precomputed_transaction_data_destroy");
    auto verify = symbol<int (*)(const Opaque*, int64_t, const Opaque*, const Opaque*, uint32_t, uint32_t, uint8_t*)>(
        library, "btck_script_pubkey_verify");
    const uint32_t all = (1u << 0) | (1u << 2) | (1u << 4) | (1u << 9) | (1u << 10) | (1u << 11) | (1u << 17);

    uint32_t wanted;
    while (take(&wanted, 4)) {
        flags = wanted;
        auto raw = bytes();
        uint32_t count;
        if (!take(&count, 4)) return 3;
        std::vector<int64_t> values(count);
        std::vector<Opaque*> scripts(count), outputs(count);
        for (uint32_t i = 0; i < count; i++) {
            if (!take(&values[i], 8)) return 3;
            auto script = bytes();
            scripts[i] = script_create(script.data(), script.size());
            outputs[i] = output_create(scripts[i], values[i]);
        }
        Opaque* tx = tx_create(raw.data(), raw.size());
        if (!tx) {
            printf("no transaction\n");
        } else {
            Opaque* data = data_create(tx, const_cast<const Opaque**>(outputs.data()), count);
            for (uint32_t i = 0; i < count; i++) {
                uint8_t status = 0;
                error = -1;
                int good = verify(scripts[i], values[i], tx, data, i, all, &status);
                if (status || error < 0) printf("status %d%c", status, i + 1 < count ? '\t' : '\n');
                else printf("%s%c", good ? "good" : text(error).c_str(), i + 1 < count ? '\t' : '\n');
            }
            data_destroy(data);
            tx_destroy(tx);
        }
        for (uint32_t i = 0; i < count; i++) {
            output_destroy(outputs[i]);
            script_destroy(scripts[i]);
        }
        fflush(stdout);
    }
}
